"""A dead letter as its page shows it: how it was settled, what was edited, what conflicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.dead_letters import DeadLetter, FullLetter, get_letter, list_letters
from signoff_db.history.events import applied_at, event_json
from signoff_db.operator_actions import Action, OperatorAction, actions_of
from signoff_db.outcome import VERDICTS
from signoff_db.payload_text import fields_of, readable
from signoff_db.reading import snapshot
from signoff_db.selection import Selection
from signoff_ops.line_diff import DiffLine, difference
from signoff_ops.servers import Servers
from signoff_schemas import DeadLetterState, FailureKind, InvalidEvent, parse_event
from signoff_schemas.wording import json_text

_AHEAD: Final = "instant_ahead"
"""The code of the error about a time in the future."""


@dataclass(frozen=True, slots=True)
class Settled:
    """How a letter came to be resolved or discarded."""

    by: OperatorAction | None
    """The action that did it; None if its event arrived again, or that is not known."""
    applied_at: datetime | None
    """When its event was applied; None if the ledger does not hold it."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """A time of the event that was in the future when it was checked."""

    field: str
    at: datetime
    by: timedelta
    """How far it was ahead of Postgres' clock when the letter failed last; negative if it was not:
    then the clock of the worker that checked it was slow."""
    still: bool
    """Whether it is in the future now."""


@dataclass(frozen=True, slots=True)
class LetterView:
    """All that a letter's page shows."""

    full: FullLetter
    actions: tuple[OperatorAction, ...]
    settled: Settled | None
    """None while it is dead."""
    edited: tuple[DiffLine, ...]
    """What an edit changed that settled it."""
    conflict: tuple[DiffLine, ...]
    """Of a conflict: removed is what only the ledger's event has, added what only this one has."""
    ahead: Ahead | None
    next_open: DeadLetter | None
    """Of a settled letter: another one of its cause that is open."""


def letter_view(servers: Servers, letter_id: int) -> LetterView | None:
    """One dead letter, in any state; None if there is none.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection, snapshot(connection):
        full = get_letter(connection, letter_id)
        if full is None:
            return None
        actions = actions_of(connection, letter_id)
        is_dead = full.letter.state is DeadLetterState.DEAD
        settled = None if is_dead else _settled(connection, full.letter, actions)
        return LetterView(
            full,
            tuple(actions),
            settled,
            _edited(settled.by if settled else None),
            _conflict(connection, full),
            ahead_of(full),
            None if is_dead else _next_open(connection, full.letter),
        )


def ahead_of(full: FullLetter) -> Ahead | None:
    """What is known of a time that was in the future."""
    first = full.detail[0] if full.detail else {}
    if first.get("code") != _AHEAD:
        return None
    name = str(first.get("path"))
    try:
        at = datetime.fromisoformat(str((fields_of(full.payload) or {}).get(name)))
        by = at - full.letter.last_failed_at
    except (ValueError, TypeError, OverflowError):  # TypeError: it names no time zone
        return None
    return Ahead(name, at, by, at > datetime.now(UTC))


def _settled(
    connection: Connection[TupleRow], letter: DeadLetter, actions: Sequence[OperatorAction]
) -> Settled:
    by = next((one for one in reversed(actions) if _settles(one)), None)
    return Settled(by, applied_at(connection, letter.event_id) if letter.event_id else None)


def _settles(action: OperatorAction) -> bool:
    if action.action is Action.REPLAY:
        return action.after in VERDICTS
    return action.action in {Action.EDIT, Action.DISCARD}


def _edited(action: OperatorAction | None) -> tuple[DiffLine, ...]:
    if action is None or action.action is not Action.EDIT:
        return ()
    return difference(_lines(action.before), _lines(action.after))


def _lines(event: Any) -> list[str]:  # noqa: ANN401 -- whatever JSON holds
    """An event as it was noted: an object, or a text that was none."""
    return (event if isinstance(event, str) else json_text(event, indent=2)).split("\n")


def _conflict(connection: Connection[TupleRow], full: FullLetter) -> tuple[DiffLine, ...]:
    """The difference between the event of the ledger and that of a letter with the same id."""
    letter = full.letter
    if letter.kind is not FailureKind.EVENT_CONFLICT or letter.event_id is None:
        return ()
    held = event_json(connection, letter.event_id)
    try:
        came = parse_event(full.payload).canonical_json()
    except InvalidEvent:
        return ()
    if held is None:
        return ()
    return difference(readable(held.encode()).split("\n"), readable(came).split("\n"))


def _next_open(connection: Connection[TupleRow], letter: DeadLetter) -> DeadLetter | None:
    """The next older open letter of the same cause, else the newest one."""
    for up_to_id in (letter.id, None):
        selection = Selection(fingerprint=letter.fingerprint, up_to_id=up_to_id)
        found = list_letters(connection, selection, limit=1).items
        if found:
            return found[0]
    return None
