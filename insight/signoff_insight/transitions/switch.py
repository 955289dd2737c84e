"""The kill switch: while it is off, no rule proposes or decides, and no proposal is approved."""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.operator_actions import Action, note
from signoff_db.sql import statement
from signoff_insight.transitions.decision_errors import SwitchedOffError
from signoff_insight.transitions.proposals import PACKAGE


@dataclass(frozen=True, slots=True)
class Switch:
    """The row of `transition_switch`."""

    is_on: bool
    changed_by: str | None
    """None if nobody has ever changed it."""
    changed_at: datetime | None
    reason: str | None
    """Why it is off, or on again."""


@dataclass(frozen=True, slots=True)
class Turned:
    """The switch after somebody turned it on or off."""

    switch: Switch
    changed: bool
    """False if it was so already. Then who turned it, when and why stay as they were."""


def read_switch(connection: Connection[TupleRow]) -> Switch:
    """The switch as it is now."""
    return _read(connection, "transitions/switch_read")


def share(connection: Connection[TupleRow]) -> Switch:
    """The switch; nobody turns it, and no run writes, before this transaction has ended."""
    return _read(connection, "transitions/switch_share")


def require_on(connection: Connection[TupleRow]) -> None:
    """Check the switch; nobody turns it before this transaction has ended.

    Raises:
        SwitchedOffError: it is off.
    """
    _require(share(connection))


def require_on_alone(connection: Connection[TupleRow]) -> None:
    """The same, and no other transaction reads it meanwhile: runs write one after the other.

    Raises:
        SwitchedOffError: it is off.
    """
    _require(_read(connection, "transitions/switch_lock"))


def turn(
    connection: Connection[TupleRow], actor: str, reason: str | None, *, is_on: bool
) -> Turned:
    """Turn it on or off; it waits for transactions that decide, each of which takes a moment."""
    with connection.transaction():
        before = _read(connection, "transitions/switch_lock")
        if before.is_on == is_on:
            return Turned(before, changed=False)
        parameters = {"is_on": is_on, "actor": actor, "reason": reason}
        connection.execute(statement("transitions/switch_turn", PACKAGE), parameters)
        action = Action.RESUME_TRANSITIONS if is_on else Action.STOP_TRANSITIONS
        note(connection, actor, action, [], reason, before=None, after=None)
        return Turned(read_switch(connection), changed=True)


def _read(connection: Connection[TupleRow], name: LiteralString) -> Switch:
    with connection.cursor(row_factory=class_row(Switch)) as cursor:
        found = cursor.execute(statement(name, PACKAGE)).fetchone()
    if found is None:
        raise AssertionError  # a trigger keeps it
    return found


def _require(switch: Switch) -> None:
    if not switch.is_on:
        when = "" if switch.changed_at is None else f" at {switch.changed_at:%Y-%m-%d %H:%M} UTC"
        raise SwitchedOffError(
            f"transitions are stopped, by {switch.changed_by}{when}: {switch.reason}; "
            "`signoff transitions resume` lets them go on"
        )
