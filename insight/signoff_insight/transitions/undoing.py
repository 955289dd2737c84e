"""Take approvals back: for each a new status decision, to the status that the customer had.

It rests on the decision that it takes back. So it is void if something newer was given since.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, namedtuple_row

from signoff_db.operator_actions import Action, note
from signoff_db.sql import statement
from signoff_db.transactions import in_one_transaction
from signoff_insight.transitions.choosing import Choice, OnProgress, batches
from signoff_insight.transitions.effect import Changed, LeftOut, Tally
from signoff_insight.transitions.judging import lock_proposals
from signoff_insight.transitions.obstacles import Obstacle, ObstacleKind
from signoff_insight.transitions.outbox import made_of, now_in, put_into_outbox, signed, undo_id
from signoff_insight.transitions.proposals import PACKAGE
from signoff_insight.transitions.record import check_text, named, undo_text
from signoff_schemas import StatusDecision


def undo(
    connection: Connection[TupleRow],
    choice: Choice,
    actor: str,
    reason: str | None,
    *,
    on_progress: OnProgress = lambda _: None,
) -> Changed:
    """Take approvals back, some in each transaction; the switch is not asked.

    Args:
        connection: in autocommit mode.
        choice: which, by their ids.
        actor: who; the new decisions are theirs.
        reason: why; None for no more than that it is an undo.
        on_progress: told after each transaction.

    Returns:
        What was done. Left out are those that were not approved, that were undone before, and
        those whose decisions have no effect any more.

    Raises:
        WrongChoiceError: no ids were given, or the reason is too long.
        OutboxMissingError: the database has no outbox.
        DatabaseUnavailableError: the last batch is not committed; undo the same again.
    """
    choice.check_ids()
    check_text(reason, "reason")
    tally = Tally()
    for ids in batches(connection, choice):
        found = in_one_transaction(connection, partial(_undo, connection, ids, actor, reason))
        for row, obstacle in found:
            if obstacle is None:
                tally.changed += 1
            else:
                why = Obstacle(obstacle, at=row.undone_at)
                tally.leave_out(LeftOut(row.id, why, row.rule, row.user_id))
        for each in set(ids) - {row.id for row, _ in found}:
            tally.leave_out(LeftOut(each, Obstacle(ObstacleKind.UNKNOWN)))
        on_progress(tally.seen)
    return tally.done(choice)


def _undo(
    connection: Connection[TupleRow], ids: Sequence[UUID], actor: str, reason: str | None
) -> list[tuple[Any, ObstacleKind | None]]:
    """Undo some inside a transaction."""
    lock_proposals(connection, ids)
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        cursor.execute(statement("transitions/judge_undo", PACKAGE), {"ids": list(ids)})
        rows: list[Any] = cursor.fetchall()
    found = [(row, row.obstacle and ObstacleKind(row.obstacle)) for row in rows]
    undone = [row for row, obstacle in found if obstacle is None]
    if undone:
        _take_back(connection, undone, actor, reason)
    return found


def _take_back(
    connection: Connection[TupleRow], rows: Sequence[Any], actor: str, reason: str | None
) -> None:
    now = now_in(connection)
    made = made_of({row.id: _event(row, actor, reason, now) for row in rows})
    connection.execute(
        statement("transitions/undo", PACKAGE),
        {"made": json.dumps(made), "actor": actor, "undone_at": now},
    )
    put_into_outbox(connection, made)
    after = {"undone": len(rows), **named(rows)}
    note(connection, actor, Action.UNDO_PROPOSALS, [], reason, before=None, after=after)


def _event(row: Any, actor: str, reason: str | None, now: datetime) -> StatusDecision:  # noqa: ANN401
    """The status decision that takes one back."""
    return StatusDecision.parse(
        {
            "event_id": undo_id(row.id),
            "event_type": "status_decision",
            # By a clock that was set back, it would stand before what it takes back.
            "occurred_at": max(now, row.decided_at + timedelta(microseconds=1)),
            "user_id": row.user_id,
            "customer_status": row.from_status,
            "decided_by": signed(actor),
            "reason": undo_text(row.rule, row.version, reason or row.reason),
            "evidence": {"proposal": str(row.id)},
            "rests_on": row.event_id,
        }
    )
