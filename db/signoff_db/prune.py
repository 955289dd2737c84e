"""Retention: settled dead letters are forgotten when they are old; what is dead never is."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.dead_letters import DeadLetter, OperatorAction, note
from signoff_db.sql import statement

_PAGE: Final = 1000
"""Letters read, or forgotten in one transaction, at a time."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many letters were, or would be, forgotten."""

    resolved: int = 0
    discarded: int = 0


def count_prunable(connection: Connection[TupleRow], before: datetime) -> Pruned:
    """How many letters were settled before that time."""
    rows = connection.execute(statement("count_prunable"), {"before": before}).fetchall()
    return Pruned(**dict(rows))


def prunable(connection: Connection[TupleRow], before: datetime) -> Iterator[DeadLetter]:
    """The letters that were settled before that time, by id."""
    after_id = 0
    while True:
        parameters = {"before": before, "after_id": after_id, "limit": _PAGE}
        with connection.cursor(row_factory=class_row(DeadLetter)) as cursor:
            page = cursor.execute(statement("list_prunable"), parameters).fetchall()
        yield from page
        if len(page) < _PAGE:
            return
        after_id = page[-1].id


def prune(
    connection: Connection[TupleRow],
    letters: Sequence[int],
    before: datetime,
    *,
    actor: str,
    reason: str,
) -> Pruned:
    """Forget letters that were settled before that time, some in each transaction, and note it.

    Of a letter that the ledger does not account for, the ids stay on record in `operator_actions`.

    Args:
        connection: in autocommit mode.
        letters: ids; those that are dead, or were settled later, stay.
        before: an aware time.
        actor: who acts.
        reason: why; with the name and checksum of an export.
    """
    states: Counter[str] = Counter()
    for start in range(0, len(letters), _PAGE):
        some = list(letters[start : start + _PAGE])
        with connection.transaction():
            parameters = {"letters": some, "before": before}
            rows = connection.execute(statement("prune_dead_letters"), parameters).fetchall()
            if rows:
                _note(connection, rows, actor, reason)
        states.update(row[1] for row in rows)
    return Pruned(**states)


def pruned(connection: Connection[TupleRow], job_id: str) -> list[OperatorAction]:
    """The actions that forgot the letters of a job, or of an event by its id, the oldest first."""
    with connection.cursor(row_factory=class_row(OperatorAction)) as cursor:
        return cursor.execute(statement("pruned_jobs"), {"job_id": job_id}).fetchall()


def _note(
    connection: Connection[TupleRow], rows: Sequence[TupleRow], actor: str, reason: str
) -> None:
    states = Counter(state for _, state, _, _ in rows)
    # A resolved letter's event is in the ledger under its id, which then tells the rest.
    untold = [
        {"id": letter_id, "state": state, "job_id": job_id, "event_id": event_id}
        for letter_id, state, job_id, event_id in rows
        if state == "discarded" or job_id != event_id
    ]
    ids = sorted(row[0] for row in rows)
    before = {"states": states, "letters": untold}
    note(connection, actor, "prune", ids, reason, before=before, after=None)
