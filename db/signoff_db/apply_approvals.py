"""Apply approvals inside a transaction: rounds of `apply.sql`, until each event has a result."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast
from uuid import UUID

from psycopg import RawCursor

from signoff_db.connection import BatchConnection
from signoff_db.delivery import Delivery, array_of, event_of, hashes_of
from signoff_db.failure import Failure
from signoff_db.outcome import VERDICTS, Outcome
from signoff_db.sql import raw_statement, statement
from signoff_schemas import ApprovalEvent, FailureKind

_RACED: Final = "raced"
_RACES: Final = 3
"""How often an event may be raced although its interaction is locked. More often than that, the
cause is another one, such as a trigger that suppresses the row."""
_OVERFLOW: Final = FailureKind.LTV_OVERFLOW


def apply_approvals(
    connection: BatchConnection,
    deliveries: Sequence[Delivery],
    places: list[int],
    *,
    locking: bool,
    tells: bool,
) -> dict[int, Outcome]:
    """Run rounds of `apply.sql` until each approval has a result.

    Args:
        connection: inside of a transaction.
        deliveries: the batch.
        places: the positions of the approvals in the batch.
        locking: see `apply_in_transaction`.
        tells: see `apply_in_transaction`.

    Returns:
        The outcomes, by position in the batch.
    """
    outcomes: dict[int, Outcome] = {}
    rounds = [_Round(places)]
    while rounds:
        current = rounds.pop()
        places, later = _together(deliveries, current.places)
        taken = [deliveries[i] for i in places]
        results = _run(connection, taken, locking=locking, tells=tells) if taken else []
        verdicts = [VERDICTS.get(result) for result, _ in results]
        outcomes.update(zip(places, map(Outcome, taken, verdicts), strict=True))
        if later:
            rounds.append(_Round(later))
        if None in verdicts:
            others = {
                i: found
                for i, found in zip(places, results, strict=True)
                if found[0] not in VERDICTS
            }
            outcomes |= {i: _not_applied(deliveries[i], *found) for i, found in others.items()}
            raced = [i for i, (result, _) in others.items() if result == _RACED]
            if raced and locking and current.races < _RACES:
                rounds.append(_Round(raced, current.races + 1))
            elif locking:
                unwritten = Failure.row_not_written()
                outcomes |= {i: Outcome(deliveries[i], None, unwritten) for i in raced}
            overflowing = [i for i, (result, _) in others.items() if result == _OVERFLOW]
            rounds += _halves(deliveries, overflowing)
    return outcomes


@dataclass(frozen=True, slots=True)
class _Round:
    """Positions in the batch that go to the statement next, and how often they were raced."""

    places: list[int]
    races: int = 0


def _halves(deliveries: Sequence[Delivery], overflowing: list[int]) -> list[_Round]:
    """Split the events of interactions with several overflowing events into two rounds.

    The statement refuses all events of an interaction together. Applying halves of them, in order
    of occurrence, finds the events that do not fit. The rounds are a stack, so the later half is
    put on it first.
    """
    sharing = Counter(_event(deliveries[i]).interaction_id for i in overflowing)
    shared = [i for i in overflowing if sharing[_event(deliveries[i]).interaction_id] > 1]
    shared.sort(key=lambda i: _order(deliveries[i]))
    middle = len(shared) // 2
    return [_Round(half) for half in (shared[middle:], shared[:middle]) if half]


def _together(deliveries: Sequence[Delivery], places: list[int]) -> tuple[list[int], list[int]]:
    """The positions that one round of apply.sql can take, and the others.

    The others are repeated events, and events that name a second user for an interaction.
    """
    if _all_apart(cast("list[ApprovalEvent]", [deliveries[i].event for i in places])):
        return places, []
    now: list[int] = []
    later: list[int] = []
    seen: set[UUID] = set()
    claims: dict[UUID, str] = {}
    for i in places:
        event = _event(deliveries[i])
        claim = event.user_id and claims.setdefault(event.interaction_id, event.user_id)
        if event.event_id in seen or claim != event.user_id:
            later.append(i)
        else:
            seen.add(event.event_id)
            now.append(i)
    return now, later


def _all_apart(events: list[ApprovalEvent]) -> bool:
    """Whether no event is repeated and no interaction has two users, as nearly always.

    UUIDs are compared as integers, which is faster.
    """
    claims = {(event.interaction_id.int, event.user_id) for event in events}
    return len({event.event_id.int for event in events}) == len(events) and len(
        {interaction for interaction, _ in claims}
    ) == len(claims)


def _run(
    connection: BatchConnection, deliveries: Sequence[Delivery], *, locking: bool, tells: bool
) -> list[tuple[str, str | None]]:
    """Apply one round; returns the result and the interaction's owner for each event, in order."""
    if locking:
        interactions = list({_event(d).interaction_id for d in deliveries})
        connection.execute(statement("lock"), {"interactions": interactions}, prepare=True)
    told = str(_event(deliveries[0]).event_id) if tells else ""
    parameters = array_of(deliveries), hashes_of(deliveries), told
    cursor = RawCursor(connection)
    rows = cursor.execute(raw_statement("apply"), parameters, prepare=True).fetchall()
    return [(row[0], row[1]) for row in rows]


def _event(delivery: Delivery) -> ApprovalEvent:
    event = event_of(delivery)
    if not isinstance(event, ApprovalEvent):
        raise TypeError(delivery.job_id)
    return event


def _order(delivery: Delivery) -> tuple[datetime, UUID]:
    event = _event(delivery)
    return event.occurred_at, event.event_id


def _not_applied(delivery: Delivery, result: str, owner: str | None) -> Outcome:
    if result == _RACED:
        return Outcome(delivery, None, raced=True)
    return Outcome(delivery, None, Failure.of_event(_event(delivery), FailureKind(result), owner))
