"""Apply deliveries to Postgres: the one function that workers, replay and dry run share.

The steps of a batch:

1. A delivery that cannot be read is a failure already. The others go to the statement in rounds. A
   round holds each event once, and one user for each interaction. One round is usually enough.
2. `apply.sql` folds and writes the events, and returns a result for each.
3. Failures that a retry cannot cure become dead letters.
4. Commit: all of it, or nothing.
5. If another transaction changed an interaction meanwhile, its events go through 2 to 4 once more,
   and the interaction is locked first (`lock.sql`). A few may be left to the caller's next batch.

A known failure is a result of the statement. An unknown failure is an error that fails the whole
batch. Then the rejected event is found (`rejected_rows.py`), or the batch is halved until only that
event is left (`transactions.py`). All other events are applied.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Final, NamedTuple
from uuid import UUID

from signoff_db.connection import BatchConnection
from signoff_db.delivery import Delivery, array_of
from signoff_db.failure import Failure
from signoff_db.record_dead_letters import record
from signoff_db.rejected_rows import find_rejected_beforehand, find_rejected_rows
from signoff_db.sql import statement
from signoff_db.transactions import FindRejectedRows, Refusal, in_transactions
from signoff_schemas import ApprovalEvent, FailureKind, Verdict

_RACED: Final = "raced"
_RACES: Final = 3
"""How often an event may be raced although its interaction is locked. More often than that, the
cause is another one, such as a trigger that suppresses the row."""
_OVERFLOW: Final = FailureKind.LTV_OVERFLOW
_VERDICTS: Final = {str(verdict): verdict for verdict in Verdict}


class Unsettled(StrEnum):
    """Results of events that are not settled yet."""

    RETRY = "retry"
    """It may succeed later; the caller retries it."""
    RACED = "raced"
    """Another transaction changed its interaction meanwhile; it must be applied again."""


Result = Verdict | FailureKind | Unsettled


class Outcome(NamedTuple):
    """The result of one delivery: a verdict, or a failure, which is retried or is a dead letter."""

    delivery: Delivery
    verdict: Verdict | None
    failure: Failure | None = None
    retry: bool = False
    raced: bool = False
    """It was not applied, since its interaction changed meanwhile; it must be applied again."""

    @property
    def result(self) -> Result:
        """The verdict, the failure kind, or that it is not settled yet."""
        if self.retry:
            return Unsettled.RETRY
        if self.failure:
            return self.failure.kind
        return self.verdict or Unsettled.RACED


def apply(
    connection: BatchConnection,
    deliveries: Sequence[Delivery],
    *,
    retries: int = 0,
    most_raced: int = 0,
) -> list[Outcome]:
    """Apply the deliveries, in one transaction unless Postgres refuses one for an unknown reason.

    Args:
        connection: in autocommit mode, outside of a transaction.
        deliveries: any number, in any order; at most a few thousand are best.
        retries: an `unknown_interaction` with fewer retries than this is returned for a retry, and
            is no dead letter yet.
        most_raced: at most this many events may be returned as `raced`. The caller applies them
            with its next batch, which saves the second transaction. More events would race again.

    Returns:
        One outcome for each delivery, in the same order. All but the `raced` ones are committed.

    Raises:
        DatabaseUnavailableError: the last transaction is not committed; apply all deliveries again.
    """
    deliveries, find_rejected = find_rejected_beforehand(
        connection, deliveries, partial(find_rejected_rows, connection)
    )
    outcomes = _transact(connection, deliveries, retries, find_rejected, locking=False)
    raced = [i for i, outcome in enumerate(outcomes) if outcome.raced]
    if len(raced) > most_raced:
        # In a second transaction: it holds no locks yet. Locks taken after those of the first
        # transaction could cause a deadlock between batches.
        again = _transact(
            connection, [deliveries[i] for i in raced], retries, find_rejected, locking=True
        )
        for i, outcome in zip(raced, again, strict=True):
            outcomes[i] = outcome
    return outcomes


def _transact(
    connection: BatchConnection,
    deliveries: Sequence[Delivery],
    retries: int,
    find_rejected: FindRejectedRows[Delivery],
    *,
    locking: bool,
) -> list[Outcome]:
    def run(some: Sequence[Delivery], refusal: Refusal | None) -> list[Outcome]:
        tried = [d.refused(refusal) for d in some] if refusal else some
        return apply_in_transaction(connection, tried, retries=retries, locking=locking)

    return in_transactions(
        connection,
        deliveries,
        run,
        one_writes_once=not locking,
        find_rejected_rows=find_rejected,
    )


def apply_in_transaction(
    connection: BatchConnection,
    deliveries: Sequence[Delivery],
    *,
    retries: int = 0,
    locking: bool = True,
) -> list[Outcome]:
    """Apply the deliveries inside the caller's transaction.

    Args:
        connection: inside of a transaction.
        deliveries: what to apply.
        retries: see `apply`.
        locking: lock the interactions first, so that no event is raced. Without locks, events whose
            interaction changed meanwhile are returned as `raced`.

    Raises:
        Exception: the caller must roll back, and find out which event is at fault, if any.
    """
    if locking:
        connection.execute(statement("lock_ledger"), prepare=True)
    outcomes = _apply_readable(connection, deliveries, locking=locking)
    if len(outcomes) < len(deliveries):
        outcomes |= {i: Outcome(d, None, d.failure) for i, d in enumerate(deliveries) if d.failure}
        outcomes |= _settle_abandoned(connection, deliveries)
    settled = [outcomes[i] for i in range(len(deliveries))]
    if any(o.failure for o in settled):
        settled = [_put_off(o, retries) for o in settled]
        record(connection, [(o.delivery, o.failure) for o in settled if o.failure and not o.retry])
    return settled


def _apply_readable(
    connection: BatchConnection, deliveries: Sequence[Delivery], *, locking: bool
) -> dict[int, Outcome]:
    """Run rounds of the statement until each event has a result; keyed by position in the batch."""
    outcomes: dict[int, Outcome] = {}
    rounds = [_Round([i for i, d in enumerate(deliveries) if d.failure is None])]
    while rounds:
        current = rounds.pop()
        places, later = _together(deliveries, current.places)
        taken = [deliveries[i] for i in places]
        results = _run(connection, taken, locking) if taken else []
        verdicts = [_VERDICTS.get(result) for result, _ in results]
        outcomes.update(zip(places, map(Outcome, taken, verdicts), strict=True))
        if later:
            rounds.append(_Round(later))
        if None in verdicts:
            others = {
                i: found
                for i, found in zip(places, results, strict=True)
                if found[0] not in _VERDICTS
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
    if _all_apart([d.event for i in places if (d := deliveries[i]).event]):
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
    connection: BatchConnection, deliveries: Sequence[Delivery], locking: bool
) -> list[tuple[str, str | None]]:
    """Apply one round; returns the result and the interaction's owner for each event, in order."""
    if locking:
        interactions = list({_event(d).interaction_id for d in deliveries})
        connection.execute(statement("lock"), {"interactions": interactions}, prepare=True)
    hashes = b"".join([d.content_hash or b"" for d in deliveries])
    return connection.execute(
        statement("apply"), {"events": array_of(deliveries), "hashes": hashes}, prepare=True
    ).fetchall()


def _settle_abandoned(
    connection: BatchConnection, deliveries: Sequence[Delivery]
) -> dict[int, Outcome]:
    """Find abandoned events that are in the ledger: the worker died after it had committed them."""
    abandoned = {
        i: d
        for i, d in enumerate(deliveries)
        if d.event and d.failure and d.failure.kind is FailureKind.ABANDONED
    }
    if not abandoned:
        return {}
    held = connection.execute(
        statement("ledger_hashes"), {"events": [_event(d).event_id for d in abandoned.values()]}
    ).fetchall()
    hashes: dict[UUID, bytes] = dict(held)
    return {
        i: Outcome(d, Verdict.DUPLICATE)
        for i, d in abandoned.items()
        if hashes.get(_event(d).event_id) == d.content_hash
    }


def _event(delivery: Delivery) -> ApprovalEvent:
    if delivery.event is None:
        raise ValueError(delivery.job_id)
    return delivery.event


def _order(delivery: Delivery) -> tuple[datetime, UUID]:
    event = _event(delivery)
    return event.occurred_at, event.event_id


def _not_applied(delivery: Delivery, result: str, owner: str | None) -> Outcome:
    if result == _RACED:
        return Outcome(delivery, None, raced=True)
    return Outcome(delivery, None, Failure.of_event(_event(delivery), FailureKind(result), owner))


def _put_off(outcome: Outcome, retries: int) -> Outcome:
    failure = outcome.failure
    if failure is None or failure.kind is not FailureKind.UNKNOWN_INTERACTION:
        return outcome
    return outcome._replace(retry=outcome.delivery.retries < retries)
