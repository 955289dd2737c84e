"""What became of a reviewer's decisions, as of now: an approval is applied later, and may fail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, namedtuple_row

from signoff_db.reviews.effects import Effect, effects
from signoff_db.sql import statement
from signoff_schemas import DeadLetterState

_MOST: Final = 100


class Outcome(StrEnum):
    """Where a decision is now."""

    UNDOABLE = "undoable"
    """It can be undone."""
    IN_OUTBOX = "in_outbox"
    """It is to be published: a relay or Redis is busy, or away."""
    REFUSED = "refused"
    """The queue refuses the event; it stays in the outbox."""
    ON_QUEUE = "on_queue"
    """It was published, and is not applied yet."""
    APPLIED = "applied"
    LATE = "late"
    """Applied, but a newer event holds the status."""
    DEAD_LETTER = "dead_letter"
    """It could not be applied; an operator has to look at it."""
    DISCARDED = "discarded"
    """An operator discarded its dead letter."""
    REJECTED = "rejected"
    """The draft was rejected; that is final."""


@dataclass(frozen=True, slots=True)
class RecentDecision:
    """One decision, and what became of it."""

    interaction_id: UUID
    user_id: str
    decision: str
    decided_at: datetime
    opened_at: datetime | None
    undo_until: datetime
    event_id: UUID | None
    reject_reason: str | None
    outcome: Outcome
    reason: str | None = None
    """Why it was refused, or is a dead letter."""
    dead_letter: int | None = None
    effect: Effect | None = None
    """What it did to the interaction; None as long as it is not applied."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What the tables hold of some events, by their ids."""

    ledger: Mapping[UUID, Effect]
    letters: Mapping[UUID, Any]
    outbox: Mapping[UUID, Any]


def recent_decisions(
    connection: Connection[TupleRow], reviewer: str, *, limit: int = 20
) -> list[RecentDecision]:
    """A reviewer's last decisions with their outcome now, the latest first."""
    parameters = {"reviewer": reviewer, "most": max(1, min(limit, _MOST))}
    rows = _rows(connection, "reviews/recent", parameters)
    found = _look(connection, [row for row in rows if row.event_id is not None])
    return [_decision(row, found) for row in rows]


def _look(connection: Connection[TupleRow], approved: Sequence[Any]) -> _Found:
    """Look in the outbox first, in the ledger last.

    So an event that moves on meanwhile is found further on, never nowhere.
    """
    if not approved:
        return _Found({}, {}, {})
    events = [row.event_id for row in approved]
    given = {"events": events}
    outbox = _rows(connection, "reviews/outbox", given)
    letters = _rows(connection, "reviews/letters", given)
    ledger = effects(connection, [row.interaction_id for row in approved], events)
    return _Found(
        ledger,
        {letter.event_id: letter for letter in letters},
        {entry.event_id: entry for entry in outbox},
    )


def _rows(
    connection: Connection[TupleRow], name: LiteralString, parameters: Mapping[str, object]
) -> list[Any]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return list(cursor.execute(statement(name), parameters).fetchall())


def _decision(row: Any, found: _Found) -> RecentDecision:  # noqa: ANN401 -- a row of the statement
    outcome, reason, letter = _outcome(row, found)
    return RecentDecision(
        row.interaction_id,
        row.user_id,
        row.decision,
        row.decided_at,
        row.opened_at,
        row.final_at,
        row.event_id,
        row.reject_reason,
        outcome,
        reason,
        letter,
        found.ledger.get(row.event_id),
    )


def _outcome(row: Any, found: _Found) -> tuple[Outcome, str | None, int | None]:  # noqa: ANN401
    """The outcome, why, and the dead letter's id."""
    if row.undoable:
        return Outcome.UNDOABLE, None, None
    if row.event_id is None:
        return Outcome.REJECTED, None, None
    if effect := found.ledger.get(row.event_id):
        return (Outcome.LATE if effect.status_superseded else Outcome.APPLIED), None, None
    if letter := found.letters.get(row.event_id):
        discarded = letter.state == DeadLetterState.DISCARDED
        outcome = Outcome.DISCARDED if discarded else Outcome.DEAD_LETTER
        return outcome, f"{letter.kind}: {letter.message}", letter.id
    return (*_on_its_way(found.outbox.get(row.event_id)), None)


def _on_its_way(outboxed: Any) -> tuple[Outcome, str | None]:  # noqa: ANN401 -- likewise
    """Where an event is that is not settled; None for one that is not in the outbox any more."""
    if outboxed is None or outboxed.published_at is not None:
        return Outcome.ON_QUEUE, None
    if outboxed.refused is not None:
        return Outcome.REFUSED, outboxed.refused
    return Outcome.IN_OUTBOX, None
