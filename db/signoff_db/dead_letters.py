"""The dead-letter queue, which lives in Postgres beside the state it could not change."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.record_dead_letters import storable
from signoff_db.sql import statement
from signoff_db.transactions import Refusal, in_transactions
from signoff_schemas import SignoffError


class NoSuchLetterError(SignoffError):
    """No dead letter has this id."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters are meant: those that match all of what is given."""

    ids: tuple[int, ...] = ()
    kinds: tuple[str, ...] = ()
    fingerprint: str | None = None
    user_id: str | None = None
    interaction_id: UUID | None = None
    since: datetime | None = None
    """Failed last at this time or later."""
    until: datetime | None = None
    """Failed last before this time."""
    states: tuple[str, ...] = ("dead",)

    @property
    def parameters(self) -> dict[str, Any]:
        """For the statements that choose letters; null where anything goes."""
        return {
            "ids": list(self.ids) or None,
            "kinds": list(self.kinds) or None,
            "fingerprint": self.fingerprint,
            "user_id": self.user_id,
            "interaction_id": self.interaction_id,
            "since": self.since,
            "until": self.until,
            "states": list(self.states),
        }


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One row of `dead_letters`."""

    id: int
    event_id: UUID | None
    job_id: str
    kind: str
    message: str
    detail: list[dict[str, Any]]
    payload: bytes
    fingerprint: str
    interaction_id: UUID | None
    user_id: str | None
    attempts: int
    first_failed_at: datetime
    last_failed_at: datetime
    state: str
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Group:
    """Dead letters of one cause."""

    fingerprint: str
    kind: str
    count: int
    first_failed_at: datetime
    last_failed_at: datetime
    message: str
    """That of the newest."""
    sample_id: int
    """The newest."""


@dataclass(frozen=True, slots=True)
class OperatorAction:
    """One row of `operator_actions`."""

    actor: str
    acted_at: datetime
    action: str
    reason: str | None
    before: Any
    after: Any


def list_letters(
    connection: Connection[TupleRow],
    selection: Selection,
    *,
    limit: int = 50,
    before_id: int | None = None,
) -> list[DeadLetter]:
    """A page of dead letters, the newest first; the next page starts below `before_id`."""
    with connection.cursor(row_factory=class_row(DeadLetter)) as cursor:
        parameters = {**selection.parameters, "limit": limit, "before_id": before_id}
        return cursor.execute(statement("list_dead_letters"), parameters).fetchall()


def get_letter(connection: Connection[TupleRow], letter_id: int) -> DeadLetter | None:
    """One dead letter, in whatever state."""
    anyhow = Selection(ids=(letter_id,), states=("dead", "resolved", "discarded"))
    return next(iter(list_letters(connection, anyhow, limit=1)), None)


def groups(connection: Connection[TupleRow], selection: Selection) -> list[Group]:
    """Dead letters by cause, the biggest group first."""
    with connection.cursor(row_factory=class_row(Group)) as cursor:
        return cursor.execute(statement("group_dead_letters"), selection.parameters).fetchall()


def count(connection: Connection[TupleRow], selection: Selection) -> int:
    """How many dead letters are meant."""
    row = connection.execute(statement("count_dead_letters"), selection.parameters).fetchone()
    return row[0] if row else 0


def actions_of(connection: Connection[TupleRow], letter_id: int) -> list[OperatorAction]:
    """What operators did to a dead letter, the oldest first."""
    with connection.cursor(row_factory=class_row(OperatorAction)) as cursor:
        return cursor.execute(statement("list_actions"), {"letters": [letter_id]}).fetchall()


def discard(
    connection: Connection[TupleRow],
    selection: Selection,
    *,
    actor: str,
    reason: str,
    dry_run: bool = False,
    limit: int | None = None,
) -> list[int]:
    """Give dead letters up, for good: their events will not be applied unless they arrive again.

    Returns:
        The ids of the discarded letters; with `dry_run`, of those that would be.
    """
    parameters = {**replace(selection, states=("dead",)).parameters, "limit": limit}

    def run(_: Sequence[Selection], refusal: Refusal | None) -> list[int]:
        if refusal is not None:
            raise refusal.error
        rows = connection.execute(statement("discard_dead_letters"), parameters).fetchall()
        ids = sorted(row[0] for row in rows)
        if ids:
            note(connection, actor, "discard", ids, reason, before="dead", after="discarded")
        return ids

    return in_transactions(connection, [selection], run, rollback=dry_run)


def note(
    connection: Connection[TupleRow],
    actor: str,
    action: str,
    letters: Sequence[int],
    reason: str | None,
    *,
    before: object,
    after: object,
) -> None:
    """Write down what an operator does, inside the transaction that does it."""
    connection.execute(
        statement("note_action"),
        {
            "actor": actor,
            "action": action,
            "letters": list(letters),
            "reason": reason,
            "before": storable(before),
            "after": storable(after),
        },
    )


def lock(connection: Connection[TupleRow], ids: Sequence[int]) -> dict[int, str]:
    """Those of the letters that are still dead, each with its kind, locked in the transaction."""
    rows = connection.execute(statement("lock_dead_letters"), {"letters": list(ids)}, prepare=True)
    kinds: dict[int, str] = dict(rows.fetchall())
    return kinds


def resolve(connection: Connection[TupleRow], ids: Sequence[int]) -> None:
    """Mark letters as resolved, inside the transaction that applies their events."""
    if ids:
        connection.execute(statement("resolve_dead_letters"), {"letters": list(ids)}, prepare=True)
