"""The outbox in an upstream's database: create it, list refused events, prune old events."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg

from signoff_db.connection import connect
from signoff_db.operator_actions import Action, note
from signoff_db.pages import Page
from signoff_db.read_connection import explained
from signoff_ops.operating import Operator
from signoff_ops.refused import Refused, ValidNow, refused_now, valid_now
from signoff_ops.servers import Servers
from signoff_producer.outbox import SCHEMA
from signoff_relay import pruning
from signoff_relay.connections import current, table_if_any
from signoff_relay.pruning import Pruned
from signoff_relay.table import Entry, OutboxOverview, OutboxWaiting
from signoff_schemas import SignoffError

MOST_LOOKED_AT: Final = 10_000
"""So many waiting events are looked at."""
_MOST_REQUEUED: Final = 10_000
_EXAMPLES: Final = 50
_NOT_ALLOWED: Final = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.InvalidSchemaName,  # the role's search_path has no schema
    psycopg.errors.ReadOnlySqlTransaction,
)


class NothingRefusedError(SignoffError):
    """No event is left that could be tried again."""


def create_outbox(url: str) -> None:
    """Create the table signoff_outbox, or bring it up to date; no row is changed.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
        SettingsError: its role may not create tables.
    """
    with connect(url, application="signoff cli", outbox=True) as connection, explained(url):
        connection.execute(SCHEMA)


def complete_outbox(url: str) -> None:
    """Create the table, or add what it lacks, if the role may; a complete one is not touched.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached, or others use the table for long.
    """
    with connect(url, application="signoff migrate", outbox=True) as connection, explained(url):
        table = table_if_any(connection)
        if table is not None and not table.lacking():
            return
        with suppress(*_NOT_ALLOWED), connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '5s'")
            connection.execute(SCHEMA)


def has_outbox(servers: Servers) -> bool:
    """Whether the database has an outbox of this release.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    with servers.outbox() as table:
        return table is not None and not table.lacking()


def refused_events(servers: Servers, *, limit: int) -> list[Entry]:
    """Events that the queue refuses, the oldest first, at most `limit` of them.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
        SettingsError: the database has no outbox, or one that an earlier release made.
    """
    with servers.outbox() as table:
        return current(table, servers.settings.outbox).refused(limit)


@dataclass(frozen=True, slots=True)
class OutboxState:
    """What an outbox holds; no overview where the database has none."""

    elsewhere: bool
    """Whether SIGNOFF_OUTBOX_URL leads elsewhere than the URL of the ledger's database."""
    overview: OutboxOverview | None
    waiting: OutboxWaiting | None
    refused: Page[Refused] | None
    """Each is checked again."""
    valid_now: ValidNow | None


def outbox_state(servers: Servers, *, limit: int, cursor: str | None = None) -> OutboxState:
    """What waits in the outbox, and a page of what the queue refuses.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
        SettingsError: an earlier release made the outbox.
        CursorError: the cursor is not from this list.
    """
    elsewhere = servers.settings.outbox_url not in {None, servers.settings.database_url}
    with servers.outbox() as found:
        if found is None:
            return OutboxState(elsewhere, None, None, None, None)
        table = current(found, servers.settings.outbox)
        refused = table.refused_page(cursor, limit=limit)
        return OutboxState(
            elsewhere,
            table.overview(),
            table.waiting(MOST_LOOKED_AT),
            Page(tuple(map(refused_now, refused.items)), refused.next),
            valid_now(table),
        )


def requeue_refused(servers: Servers, events: Sequence[UUID] | None, operator: Operator) -> int:
    """Let the relay try events again that the queue refused: these, or all; returns how many.

    It is noted first and done then: if the outbox fails in between, it is noted and not done, and
    doing it again is harmless.

    Raises:
        NothingRefusedError: none of them is refused (any more).
        DatabaseUnavailableError: Postgres cannot be reached.
        SettingsError: the database has no outbox, or one that an earlier release made.
    """
    with servers.outbox() as found:
        table = current(found, servers.settings.outbox)
        with table.connection.transaction():
            released = table.release_refused(events, _MOST_REQUEUED)
            if not released:
                raise NothingRefusedError("none of these events is refused any more")
            with servers.database() as database:
                note(
                    database, operator.actor, Action.REQUEUE_OUTBOX, [], operator.reason,
                    before=None, after={
                        "events": len(released), "examples": list(map(str, released[:_EXAMPLES]))
                    },
                )  # fmt: skip
    return len(released)


def prune_outbox(
    servers: Servers, older_than: timedelta, export: Path | None = None
) -> tuple[Pruned, str | None]:
    """Delete events that were published long enough ago, and were applied or discarded.

    Args:
        servers: with the outbox and the ledger.
        older_than: the least age.
        export: a new file; all events are written to it before the first is deleted.

    Returns:
        What was done, and the SHA-256 of the export in hex; None if nothing was exported.

    Raises:
        ExportError: the file cannot be written, or exists already; nothing was deleted.
        DatabaseUnavailableError: Postgres cannot be reached.
        SettingsError: the database has no outbox, or one that an earlier release made.
    """
    with servers.outbox() as found, servers.database() as database:
        table = current(found, servers.settings.outbox)
        if export:
            return pruning.prune_exported(table, database, older_than, export)
        return pruning.prune(table, database, older_than), None
