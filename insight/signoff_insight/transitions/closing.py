"""Reject proposals, or put them off. The kill switch is not asked: nothing changes a customer."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, namedtuple_row

from signoff_db.operator_actions import Action, note
from signoff_db.sql import statement
from signoff_db.transactions import in_one_transaction
from signoff_insight.transitions.choosing import Choice, OnProgress, batches, dated
from signoff_insight.transitions.decision_errors import WrongChoiceError
from signoff_insight.transitions.effect import Changed, Tally
from signoff_insight.transitions.judging import count, judged, lock_proposals
from signoff_insight.transitions.obstacles import NOT_OPEN, Obstacle, ObstacleKind
from signoff_insight.transitions.proposals import PACKAGE
from signoff_insight.transitions.record import check_text, named

LONGEST_SNOOZE: Final = timedelta(days=366)
_NOT_SNOOZED: Final = Obstacle(ObstacleKind.NOT_SNOOZED)
_STATEMENTS: Final[dict[Action, LiteralString]] = {
    Action.REJECT_PROPOSALS: "transitions/reject",
    Action.SNOOZE_PROPOSALS: "transitions/snooze",
}


def reject(
    connection: Connection[TupleRow],
    choice: Choice,
    actor: str,
    reason: str,
    *,
    on_progress: OnProgress = lambda _: None,
) -> Changed:
    """Reject open proposals: nothing is proposed about their customers before a new approval.

    Raises:
        WrongChoiceError: it is not one choice, or the reason is blank or too long.
        DatabaseUnavailableError: the last batch is not committed.
    """
    if not reason.strip():
        raise WrongChoiceError("a rejection wants a reason; it is kept with the proposal")
    check_text(reason, "reason")
    action = partial(_change, Action.REJECT_PROPOSALS, reason, {"actor": actor, "reason": reason})
    return _change_all(connection, choice, actor, action, on_progress=on_progress)


def snooze(
    connection: Connection[TupleRow],
    choice: Choice,
    actor: str,
    until: datetime | None,
    *,
    on_progress: OnProgress = lambda _: None,
) -> Changed:
    """Put open proposals off until a time; None shows those that are snoozed again at once.

    Raises:
        WrongChoiceError: it is not one choice, or the time is past or more than a year ahead.
        DatabaseUnavailableError: the last batch is not committed.
    """
    now = datetime.now(UTC)
    if until is not None and not now < until <= now + LONGEST_SNOOZE:
        raise WrongChoiceError(
            f"a proposal is put off until a time within a year from now, not until "
            f"{until:%Y-%m-%d %H:%M}"
        )
    action = partial(_change, Action.SNOOZE_PROPOSALS, None, {"until": until})
    left_open = _NOT_SNOOZED if until is None else None
    return _change_all(
        connection, choice, actor, action, left_open=left_open, on_progress=on_progress
    )


def _change_all(
    connection: Connection[TupleRow],
    choice: Choice,
    actor: str,
    change: Callable[[Connection[TupleRow], Sequence[UUID], str], list[UUID]],
    *,
    left_open: Obstacle | None = None,
    on_progress: OnProgress,
) -> Changed:
    """Reject or put off, batch by batch; the switch is not asked.

    `left_open` is why an open one may be left out.
    """
    choice = dated(connection, choice)
    tally = Tally()
    for ids in batches(connection, choice):
        changed = set(in_one_transaction(connection, partial(change, connection, ids, actor)))
        tally.changed += len(changed)
        others = [each for each in ids if each not in changed]
        _count_others(connection, others, left_open, tally)
        on_progress(tally.seen)
    return tally.done(choice)


def _change(  # noqa: PLR0917 -- the first three are bound
    action: Action,
    reason: str | None,
    parameters: dict[str, Any],
    connection: Connection[TupleRow],
    ids: Sequence[UUID],
    actor: str,
) -> list[UUID]:
    """Reject or put off some proposals inside a transaction; returns those that were open."""
    lock_proposals(connection, ids)
    name = _STATEMENTS[action]
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        cursor.execute(statement(name, PACKAGE), {"ids": list(ids), **parameters})
        rows: list[Any] = cursor.fetchall()
    if rows:
        until = parameters.get("until")
        after = {"proposals": len(rows), **named(rows)} | ({"until": until} if until else {})
        note(connection, actor, action, [], reason, before=None, after=after)
    return [row.id for row in rows]


def _count_others(
    connection: Connection[TupleRow],
    ids: Sequence[UUID],
    left_open: Obstacle | None,
    tally: Tally,
) -> None:
    """Count those that were not open any more, that there are not, or that were left open."""
    for row, why in judged(connection, ids) if ids else ():
        obstacle = why if why and why.kind in NOT_OPEN else left_open
        if obstacle:
            count([(row, obstacle)], tally)
