"""Apply deliveries to Postgres: the one function that workers, replay and dry run share.

The steps of a batch:

1. A delivery that cannot be read is a failure already. Approvals go to their statement in rounds.
   A round holds each event once, and one user for each interaction. One round is usually enough.
2. `apply.sql` folds and writes approvals, `decide.sql` status decisions. They return a result for
   each event.
3. Failures that a retry cannot cure become dead letters.
4. Commit: all of it, or nothing.
5. If another transaction changed an interaction meanwhile, its events go through 2 to 4 once more,
   and the interaction is locked first (`lock.sql`). A few may be left to the caller's next batch.

A known failure is a result of the statement. An unknown failure is an error that fails the whole
batch. Then the rejected event is found (`rejected_rows.py`), or the batch is halved until only that
event is left (`transactions.py`). All other events are applied.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from signoff_db.apply_approvals import apply_approvals
from signoff_db.apply_decisions import apply_decisions
from signoff_db.connection import BatchConnection
from signoff_db.delivery import Delivery, event_of
from signoff_db.outcome import Outcome, Result, Unsettled
from signoff_db.record_dead_letters import record
from signoff_db.rejected_rows import find_rejected_beforehand, find_rejected_rows
from signoff_db.sql import statement
from signoff_db.transactions import FindRejectedRows, Refusal, in_transactions
from signoff_schemas import ApprovalEvent, FailureKind, Kind, StatusDecision, Verdict

__all__ = ["Outcome", "Result", "Unsettled", "apply", "apply_in_transaction"]


def apply(
    connection: BatchConnection,
    deliveries: Sequence[Delivery],
    *,
    retries: int = 0,
    most_raced: int = 0,
    awaited: bool = False,
) -> list[Outcome]:
    """Apply the deliveries, in one transaction unless Postgres refuses one for an unknown reason.

    Args:
        connection: in autocommit mode, outside of a transaction.
        deliveries: any number, in any order; at most a few thousand are best.
        retries: an `unknown_interaction` with fewer retries than this is returned for a retry, and
            is no dead letter yet.
        most_raced: at most this many events may be returned as `raced`. The caller applies them
            with its next batch, which saves the second transaction. More events would race again.
        awaited: somebody waits for verdicts: a notice tells of a lone approval when it commits. Of
            several none is told, also where they are committed one by one: a commit with a notice
            waits for others that have one.

    Returns:
        One outcome for each delivery, in the same order. All but the `raced` ones are committed.

    Raises:
        DatabaseUnavailableError: the last transaction is not committed; apply all deliveries again.
    """
    deliveries, find_rejected = find_rejected_beforehand(
        connection, deliveries, partial(find_rejected_rows, connection)
    )
    transact = partial(
        _transact,
        connection,
        retries=retries,
        find_rejected=find_rejected,
        tells=awaited and len(deliveries) == 1,
    )
    outcomes: dict[int, Outcome] = {}
    for kind, places in _by_kind(deliveries):
        applied = transact([deliveries[i] for i in places], kind=kind, locking=False)
        outcomes.update(zip(places, applied, strict=True))
    raced = [i for i, outcome in outcomes.items() if outcome.raced]
    if len(raced) > most_raced:
        # In a second transaction: it holds no locks yet. Locks taken after those of the first
        # transaction could cause a deadlock between batches.
        again = transact([deliveries[i] for i in raced], kind=ApprovalEvent, locking=True)
        outcomes.update(zip(raced, again, strict=True))
    return [outcomes[i] for i in range(len(deliveries))]


def _by_kind(deliveries: Sequence[Delivery]) -> list[tuple[Kind, Sequence[int]]]:
    """The positions of decisions, and of the others: each kind has its own transaction.

    In one transaction the customers would be locked twice, so two batches could deadlock.
    """
    decisions = _decisions(deliveries)
    if not decisions:
        return [(ApprovalEvent, range(len(deliveries)))]
    others = [i for i in range(len(deliveries)) if i not in decisions]
    parts: list[tuple[Kind, Sequence[int]]] = [
        (ApprovalEvent, others),
        (StatusDecision, sorted(decisions)),
    ]
    return [part for part in parts if part[1]]


def _decisions(deliveries: Sequence[Delivery]) -> set[int]:
    """The positions of readable status decisions."""
    if StatusDecision not in {type(d.event) for d in deliveries}:
        return set()
    return {
        i
        for i, d in enumerate(deliveries)
        if isinstance(d.event, StatusDecision) and d.failure is None
    }


def _transact(
    connection: BatchConnection,
    deliveries: Sequence[Delivery],
    *,
    retries: int,
    find_rejected: FindRejectedRows[Delivery],
    tells: bool,
    kind: Kind,
    locking: bool,
) -> list[Outcome]:
    def run(some: Sequence[Delivery], refusal: Refusal | None) -> list[Outcome]:
        tried = [d.refused(refusal) for d in some] if refusal else some
        return apply_in_transaction(
            connection, tried, retries=retries, kind=kind, locking=locking, tells=tells
        )

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
    kind: Kind | None = None,
    locking: bool = True,
    tells: bool = False,
) -> list[Outcome]:
    """Apply the deliveries inside the caller's transaction.

    Args:
        connection: inside of a transaction.
        deliveries: what to apply.
        retries: see `apply`.
        kind: the kind of all their events, if the caller knows that it is one.
        locking: lock the interactions first, so that no event is raced. Without locks, events whose
            interaction changed meanwhile are returned as `raced`.
        tells: there is one approval, and a notice tells of it when it commits.

    Raises:
        Exception: the caller must roll back, and find out which event is at fault, if any.
    """
    if locking:
        connection.execute(statement("lock_ledger"), prepare=True)
    places = [i for i, d in enumerate(deliveries) if d.failure is None]
    decisions = _decisions(deliveries) if kind is None else set()
    if kind is StatusDecision:
        decisions = set(places)
    if decisions:
        places = [i for i in places if i not in decisions]
    outcomes = apply_approvals(connection, deliveries, places, locking=locking, tells=tells)
    if decisions:
        outcomes |= apply_decisions(connection, deliveries, sorted(decisions))
    if len(outcomes) < len(deliveries):
        outcomes |= {i: Outcome(d, None, d.failure) for i, d in enumerate(deliveries) if d.failure}
        outcomes |= _settle_abandoned(connection, deliveries)
    settled = [outcomes[i] for i in range(len(deliveries))]
    if any(o.failure for o in settled):
        settled = [_put_off(o, retries) for o in settled]
        record(connection, [(o.delivery, o.failure) for o in settled if o.failure and not o.retry])
    return settled


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
    events = [event_of(d).event_id for d in abandoned.values()]
    held = connection.execute(statement("ledger_hashes"), {"events": events}).fetchall()
    hashes: Mapping[object, bytes] = dict(held)
    return {
        i: Outcome(d, Verdict.DUPLICATE)
        for i, d in abandoned.items()
        if hashes.get(event_of(d).event_id) == d.content_hash
    }


def _put_off(outcome: Outcome, retries: int) -> Outcome:
    failure = outcome.failure
    if failure is None or failure.kind is not FailureKind.UNKNOWN_INTERACTION:
        return outcome
    return outcome._replace(retry=outcome.delivery.retries < retries)
