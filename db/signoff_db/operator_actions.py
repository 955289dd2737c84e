"""The record of what operators do; it is never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

from psycopg import Connection
from psycopg.rows import TupleRow, kwargs_row

from signoff_db.record_dead_letters import storable
from signoff_db.sql import statement

_MOST: Final = 50
"""The most actions of a letter that are read: the newest."""


class Action(StrEnum):
    """The actions that are recorded."""

    REPLAY = "replay"
    EDIT = "edit"
    DISCARD = "discard"
    PRUNE = "prune"
    CANCEL_OPERATION = "cancel_operation"

    ADD_USER = "add_user"
    SET_ROLES = "set_roles"
    DISABLE_USER = "disable_user"
    ENABLE_USER = "enable_user"
    SET_PASSWORD = "set_password"  # noqa: S105 -- the name of an action
    MAKE_LINK = "make_link"
    END_SESSION = "end_session"
    ADD_KEY = "add_key"
    REVOKE_KEY = "revoke_key"

    REASSIGN = "reassign"

    ADD_WEBHOOK = "add_webhook"
    ROTATE_WEBHOOK = "rotate_webhook"
    DISABLE_WEBHOOK = "disable_webhook"
    ENABLE_WEBHOOK = "enable_webhook"
    REMOVE_WEBHOOK = "remove_webhook"
    REPLAY_WEBHOOK = "replay_webhook"

    PAUSE_QUEUE = "pause_queue"
    RESUME_QUEUE = "resume_queue"
    REQUEUE_OUTBOX = "requeue_outbox"
    DEAD_LETTER_OUTBOX = "dead_letter_outbox"

    START_AUDIT = "start_audit"

    RUN_TRANSITIONS = "run_transitions"
    APPROVE_PROPOSALS = "approve_proposals"
    REJECT_PROPOSALS = "reject_proposals"
    SNOOZE_PROPOSALS = "snooze_proposals"
    UNDO_PROPOSALS = "undo_proposals"
    STOP_TRANSITIONS = "stop_transitions"
    RESUME_TRANSITIONS = "resume_transitions"


@dataclass(frozen=True, slots=True)
class OperatorAction:
    """An operator's action on one letter."""

    actor: str
    acted_at: datetime
    action: Action
    reason: str | None
    before: Any
    """The letter before the action: its kind for a replay, its event for an edit."""
    after: Any
    """The letter after the action: for a replay the verdict or the failure kind."""
    operation_id: int | None
    """The operation that it was a part of."""
    database_role: str | None
    """As which role the session was logged in at Postgres; None for actions of earlier releases."""

    @classmethod
    def of_row(cls, *, action: str, **columns: Any) -> Self:  # noqa: ANN401 -- as they come
        """One row of `operator_actions`."""
        return cls(action=Action(action), **columns)


def actions_of(connection: Connection[TupleRow], letter_id: int) -> list[OperatorAction]:
    """The newest fifty actions on a dead letter, the oldest first."""
    with connection.cursor(row_factory=kwargs_row(OperatorAction.of_row)) as cursor:
        parameters = {"letter": letter_id, "limit": _MOST}
        return cursor.execute(statement("list_actions"), parameters).fetchall()[::-1]


def note(
    connection: Connection[TupleRow],
    actor: str,
    action: Action,
    letters: Sequence[int],
    reason: str | None,
    *,
    before: object,
    after: object,
    operation: int | None = None,
) -> int:
    """Record an operator's action, inside the transaction that does it; returns its number.

    `operation` is the operation that it is a part of.
    """
    row = connection.execute(
        statement("note_action"),
        {
            "actor": actor,
            "action": str(action),
            "letters": list(letters),
            "reason": reason and reason.replace("\0", "\ufffd"),  # Postgres holds no NUL
            "before": storable(before),
            "after": storable(after),
            "operation": operation,
        },
    ).fetchone()
    if row is None:
        raise AssertionError
    return int(row[0])
