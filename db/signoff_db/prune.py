"""Delete settled dead letters when they are old; a letter that is still dead is never deleted."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, args_row, kwargs_row

from signoff_db.batches import batches_of, never
from signoff_db.dead_letters import FullLetter, read_letters
from signoff_db.locations import event_id_of
from signoff_db.operator_actions import Action, OperatorAction, note
from signoff_db.pages import Page, follow, key_of, page_of, row_id
from signoff_db.record_dead_letters import MAX_PAYLOAD_BYTES
from signoff_db.sql import statement
from signoff_db.transactions import in_one_transaction

_BATCH: Final = 1000
"""Letters deleted in one transaction."""
_MOST_ACTIONS: Final = 100
_LIST: Final = "prunable"


class _Forgotten(NamedTuple):
    """A letter that was deleted."""

    id: int
    state: str
    job_id: str
    event_id: UUID | None
    content_hash: bytes | None
    payload_hash: bytes | None
    is_in_ledger: bool
    """Whether the ledger holds the event with the same content."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many letters were, or would be, deleted."""

    resolved: int = 0
    discarded: int = 0


def count_prunable(connection: Connection[TupleRow], before: datetime) -> Pruned:
    """How many letters were settled before a time."""
    rows = connection.execute(statement("count_prunable"), {"before": before}).fetchall()
    return Pruned(**dict(rows))


def prunable(connection: Connection[TupleRow], before: datetime) -> Iterator[list[int]]:
    """The ids of the letters that were settled before a time, in batches, the oldest first."""

    def read(cursor: str | None) -> Page[int]:
        after_id = key_of(cursor, _LIST, row_id) or 0
        parameters = {"before": before, "after_id": after_id, "limit": _BATCH + 1}
        rows = connection.execute(statement("list_prunable"), parameters).fetchall()
        return page_of([row[0] for row in rows], _BATCH, _LIST, lambda letter_id: letter_id)

    for page in follow(read):
        yield list(page.items)


def prunable_letters(connection: Connection[TupleRow], before: datetime) -> Iterator[FullLetter]:
    """The same letters with all their content; only some megabytes are in memory."""
    for ids in prunable(connection, before):
        yield from read_letters(connection, ids)


def prune(
    connection: Connection[TupleRow],
    letters: Sequence[int],
    before: datetime,
    *,
    actor: str,
    reason: str,
    on_batch: Callable[[Pruned], None] = lambda _: None,
    should_stop: Callable[[], bool] = never,
) -> Pruned:
    """Delete letters that were settled before a time, in batches, and record the action.

    If the ledger does not account for a letter, the letter's ids are kept.

    Args:
        connection: in autocommit mode.
        letters: ids; letters that are dead, or were settled later, are not deleted.
        before: an aware time.
        actor: who acts.
        reason: why; with the name and checksum of an export.
        on_batch: called with the number of deleted letters of each batch when it is committed.
        should_stop: called before each batch; the batches before it stay committed.

    Raises:
        DatabaseUnavailableError: the batches that `on_batch` was called with are committed.
    """
    states: Counter[str] = Counter()
    for some in batches_of(letters, _BATCH, should_stop):
        work = partial(_prune, connection, some, before, actor, reason)
        batch = in_one_transaction(connection, work)
        states.update(batch)
        on_batch(Pruned(**batch))
    return Pruned(**states)


def _prune(
    connection: Connection[TupleRow],
    letters: Sequence[int],
    before: datetime,
    actor: str,
    reason: str,
) -> Counter[str]:
    parameters = {"letters": list(letters), "before": before, "most_bytes": MAX_PAYLOAD_BYTES}
    with connection.cursor(row_factory=args_row(_Forgotten)) as cursor:
        rows = cursor.execute(statement("prune_dead_letters"), parameters).fetchall()
    states = Counter(row.state for row in rows)
    if rows:
        ids = sorted(row.id for row in rows)
        before_it = {"states": states}
        action = note(connection, actor, Action.PRUNE, ids, reason, before=before_it, after=None)
        _record(connection, rows, action)
    return states


def _record(connection: Connection[TupleRow], rows: Sequence[_Forgotten], action: int) -> None:
    """Keep the ids and hashes of letters whose events are not in the ledger."""
    kept = [row for row in rows if not row.is_in_ledger or row.job_id != str(row.event_id)]
    connection.execute(
        statement("record_pruned_letters"),
        {
            "ids": [row.id for row in kept],
            "states": [row.state for row in kept],
            "jobs": [row.job_id for row in kept],
            "events": [row.event_id for row in kept],
            "content_hashes": [row.content_hash for row in kept],
            "payload_hashes": [row.payload_hash for row in kept],
            "action": action,
        },
    )


def pruned(connection: Connection[TupleRow], job_id: str) -> list[OperatorAction]:
    """The newest hundred actions that deleted letters of a job or an event, the oldest first."""
    parameters = {"job_id": job_id, "event_id": event_id_of(job_id), "limit": _MOST_ACTIONS}
    with connection.cursor(row_factory=kwargs_row(OperatorAction.of_row)) as cursor:
        return cursor.execute(statement("pruned_jobs"), parameters).fetchall()[::-1]
