"""Prune the outbox: delete old events that are applied or settled. All other events stay."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.export import exported, json_line
from signoff_db.locations import EventLocations, locate_events
from signoff_db.read_connection import database_of
from signoff_relay.accounted import is_applied, is_given_up
from signoff_relay.connections import outbox_of
from signoff_relay.table import Entry, OutboxTable
from signoff_schemas import Settings, SignoffError

log = logging.getLogger("signoff.relay")

_EVERY: Final = 600.0
"""Seconds between a relay's prunings."""
_PAGE: Final = 1000
"""Events deleted in one transaction, after an export."""


@dataclass(slots=True)
class Pruned:
    """The events that were published long enough ago: how many were pruned and kept."""

    pruned: int = 0
    kept: int = 0
    """Not pruned: neither in the ledger nor a settled dead letter."""


def prune(
    table: OutboxTable,
    database: Connection[TupleRow],
    older_than: timedelta,
    stop: threading.Event | None = None,
) -> Pruned:
    """Delete events that were published long enough ago, and were applied or discarded."""
    before = datetime.now(UTC) - older_than
    done = Pruned()
    for settled in _settled(table, database, before, done):
        done.pruned += table.forget([event.event_id for event in settled], before)
        if stop and stop.is_set():
            break
    return done


def prune_exported(
    table: OutboxTable, database: Connection[TupleRow], older_than: timedelta, export: Path
) -> tuple[Pruned, str | None]:
    """Export the events to a new file, then delete them; returns also the file's SHA-256, if any.

    Raises:
        ExportError: the file cannot be written, or exists already; nothing was deleted.
    """
    before = datetime.now(UTC) - older_than
    done = Pruned()
    settled = chain.from_iterable(_settled(table, database, before, done))
    ids, sha256 = exported(
        settled, export, key=attrgetter("event_id"), pieces=lambda entry: json_line(asdict(entry))
    )
    for start in range(0, len(ids), _PAGE):
        done.pruned += table.forget(ids[start : start + _PAGE], before)
    return done, sha256


def _settled(
    table: OutboxTable, database: Connection[TupleRow], before: datetime, done: Pruned
) -> Iterator[Sequence[Entry]]:
    """The events published before a time that can be deleted, in pages; counts the others."""
    for page in table.pages(published_before=before):
        found = locate_events(database, [event.event_id for event in page])
        settled = [event for event in page if _is_settled(event, found)]
        done.kept += len(page) - len(settled)
        yield settled


def _is_settled(event: Entry, found: EventLocations) -> bool:
    return is_applied(event, found) or is_given_up(event, found)


@contextmanager
def pruning(settings: Settings, older_than: timedelta | None) -> Iterator[None]:
    """While the block runs, prune every ten minutes in a thread; without an age, do nothing."""
    if older_than is None:
        yield
        return
    done = threading.Event()
    arguments = (settings, older_than, done)
    thread = threading.Thread(target=_prune_until, args=arguments, name="prune")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _prune_until(settings: Settings, older_than: timedelta, done: threading.Event) -> None:
    """Prune at once and then every ten minutes; after an outage, try again the next time."""
    while not done.is_set():
        try:
            with outbox_of(settings) as table, database_of(settings) as database:
                pruned = prune(table, database, older_than, done)
        except SignoffError as error:
            log.warning("the outbox was not pruned: %s", error)
        else:
            log.info("pruned", extra={"fields": asdict(pruned)})
        done.wait(_EVERY)
