"""A person, or a rule in automatic mode, decides about proposals.

An approval is one transaction for some proposals: they are decided, and their status decisions are
put into the outbox of this database. So what an event holds is written once, and nothing is lost or
decided twice, whatever is killed or repeated.

Each transaction looks again, with the customers locked as workers lock them: whether the customer's
last event is still the one that the rule knew. A worker that applies an event of such a customer
comes before, and is seen, or after: then the fold judges by when the event occurred.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.operator_actions import Action, note
from signoff_db.sql import statement
from signoff_db.transactions import in_one_transaction
from signoff_insight.transitions.choosing import Choice, OnProgress, batches, settled
from signoff_insight.transitions.decision_errors import SwitchedOffError
from signoff_insight.transitions.effect import Effect, Tally
from signoff_insight.transitions.judging import Judged, count, judged, lock_proposals
from signoff_insight.transitions.obstacles import Obstacle, ObstacleKind
from signoff_insight.transitions.outbox import decision_id, made_of, now_in, put_into_outbox, signed
from signoff_insight.transitions.proposals import PACKAGE
from signoff_insight.transitions.record import check_text, named
from signoff_insight.transitions.switch import require_on
from signoff_schemas import StatusDecision


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decides, and what is noted with it."""

    name: str
    """A person, or a rule in automatic mode (`rule:churn-silence@1`)."""
    comment: str | None = None
    is_automatic: bool = False


def preview(
    connection: Connection[TupleRow], choice: Choice, *, on_progress: OnProgress = lambda _: None
) -> Effect:
    """What approving these proposals would change now; nothing is written, nothing is locked.

    Raises:
        WrongChoiceError, SwitchedOffError: as `approve`.
    """
    choice, tally = settled(connection, choice), Tally()
    for ids in batches(connection, choice):
        _judge(connection, ids, tally)
        on_progress(tally.seen)
    return tally.effect(choice)


def approve(
    connection: Connection[TupleRow],
    choice: Choice,
    decider: Decider,
    *,
    on_progress: OnProgress = lambda _: None,
    go_on: Callable[[], bool] = lambda: True,
) -> Effect:
    """Approve proposals, some in each transaction; those whose customers changed become outdated.

    Args:
        connection: in autocommit mode.
        choice: which.
        decider: who.
        on_progress: told after each transaction.
        go_on: asked before each transaction but the first; what is committed stays.

    Raises:
        WrongChoiceError: it is not one choice, or the comment is too long.
        SwitchedOffError: transitions are stopped.
        OutboxMissingError: the database has no outbox.
        DatabaseUnavailableError: the last batch is not committed; approve the same again.
    """
    check_text(decider.comment, "comment")
    choice, tally = settled(connection, choice), Tally()
    for ids in batches(connection, choice):
        if tally.seen and not go_on():
            tally.stopped_because = "it was stopped; approve the same again to go on"
            break
        try:
            found = in_one_transaction(connection, partial(_approve, connection, ids, decider))
        except SwitchedOffError as error:
            if not tally.seen:
                raise
            tally.stopped_because = str(error)
            break
        count(found, tally)
        on_progress(tally.seen)
    return tally.effect(choice)


def _approve(
    connection: Connection[TupleRow], ids: Sequence[UUID], decider: Decider
) -> list[Judged]:
    """Approve some proposals inside a transaction."""
    require_on(connection)
    users = lock_proposals(connection, ids)
    connection.execute(statement("transitions/lock_ledger", PACKAGE))
    connection.execute(statement("transitions/lock_customers", PACKAGE), {"users": users})
    found = judged(connection, ids)
    if decider.is_automatic:
        found = [(row, obstacle or _other_amount(row)) for row, obstacle in found]
    approved = [row for row, obstacle in found if obstacle is None and row is not None]
    outdated = [(row, why) for row, why in found if why is not None and why.kind.outdates]
    if approved:
        _decide(connection, approved, decider)
    if outdated:
        outdate(connection, outdated, decider.name)
    if approved or outdated:
        after = {"approved": len(approved), "outdated": len(outdated), **named(approved)}
        action = Action.APPROVE_PROPOSALS
        note(connection, decider.name, action, [], decider.comment, before=None, after=after)
    return found


def _other_amount(row: Any) -> Obstacle | None:  # noqa: ANN401 -- a row of the statement
    """What is in the way of a rule that decides itself: it judged by another LTV."""
    if Decimal(row.evidence["ltv_usd"]) == row.ltv_usd:
        return None
    return Obstacle(ObstacleKind.OTHER_AMOUNT)


def _decide(connection: Connection[TupleRow], rows: Sequence[Any], decider: Decider) -> None:
    decided_at = now_in(connection)
    made = made_of({row.id: _event(row, decider, decided_at) for row in rows})
    connection.execute(
        statement("transitions/approve", PACKAGE),
        {
            "made": json.dumps(made),
            "actor": decider.name,
            "decided_at": decided_at,
            "comment": decider.comment,
            "is_automatic": decider.is_automatic,
        },
    )
    put_into_outbox(connection, made)


def _event(row: Any, decider: Decider, decided_at: datetime) -> StatusDecision:  # noqa: ANN401
    """The status decision of a proposal."""
    by = {} if decider.is_automatic else {"approved_by": signed(decider.name)}
    return StatusDecision.parse(
        {
            "event_id": decision_id(row.id),
            "event_type": "status_decision",
            "occurred_at": decided_at,
            "user_id": row.user_id,
            "customer_status": row.to_status,
            "decided_by": f"rule:{row.rule}@{row.version}",
            "reason": row.reason,
            "evidence": {**row.evidence, "proposal": str(row.id), **by},
            "rests_on": row.rests_on,
        }
    )


def outdate(
    connection: Connection[TupleRow], outdated: Sequence[tuple[Any, Obstacle]], actor: str
) -> None:
    """Note why open proposals are outdated, inside a transaction that has locked them."""
    parameters = {
        "ids": [row.id for row, _ in outdated],
        "comments": [str(obstacle) for _, obstacle in outdated],
        "actor": actor,
    }
    connection.execute(statement("transitions/outdate", PACKAGE), parameters)


def _judge(connection: Connection[TupleRow], ids: Sequence[UUID], tally: Tally) -> None:
    """Count what approving would do; of a customer's proposals only the first counts."""
    again = Obstacle(ObstacleKind.OTHER_DECISION)
    count(
        [
            (row, again if obstacle is None and row.user_id in tally.users else obstacle)
            for row, obstacle in judged(connection, ids)
        ],
        tally,
    )
