"""Edit a letter's event step by step: what is wrong with it, what was changed, what it would do."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from signoff_db import edit as editing
from signoff_db.dead_letters import FullLetter, NoSuchLetterError
from signoff_db.edit import Edited, EditError
from signoff_db.payload_text import line_of, readable_beginning
from signoff_db.replay import BlockedError
from signoff_ops.line_diff import DiffLine, difference
from signoff_ops.operating import Operator
from signoff_ops.servers import Servers
from signoff_schemas import MAX_EVENT_BYTES, InvalidEvent
from signoff_schemas.invalid import Problem
from signoff_schemas.wording import one_line_json

_LOCK_SECONDS: Final = 0.5
"""How long an edit waits for a lock, a few times: a person waits for it."""
_LINE: Final = re.compile(r"at line (\d{1,7}) ")


@dataclass(frozen=True, slots=True)
class Attempt:
    """The outcome of an edit that was checked or applied."""

    edited: Edited | None
    """The verdict and the balances; None if it got no further than `problems` or `refusal`."""
    problems: tuple[Problem, ...] = ()
    """Fields that break the contract."""
    refusal: str | None = None
    """Why the edit cannot take the letter's place."""
    lines: tuple[DiffLine, ...] = ()
    """The difference to the letter, with the problems where they are."""
    unchanged: bool = False
    """Whether the event is as the letter has it; then there are no `lines`."""

    @property
    def applies(self) -> bool:
        """Whether it was applied, or would be."""
        return self.edited is not None and self.edited.message is None


def editable(full: FullLetter) -> str:
    """The event as it is edited; in JSON, characters that are not printable are escaped."""
    return "\n".join(map(one_line_json, _readable(full.payload).split("\n")))


def attempt_edit(servers: Servers, full: FullLetter, payload: bytes, operator: Operator) -> Attempt:
    """Apply an edited event in a letter's place, or with `dry_run` find out what that would do.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable; nothing changed.
    """
    found = _attempt(servers, full, payload, operator)
    if payload == editable(full).encode() or _readable(payload) == _readable(full.payload):
        return replace(found, lines=(), unchanged=True)
    return found


def _attempt(servers: Servers, full: FullLetter, payload: bytes, operator: Operator) -> Attempt:
    try:
        with servers.batches("signoff edit") as connection:
            edited = editing.edit(
                connection,
                full.letter.id,
                payload,
                actor=operator.actor,
                reason=operator.reason or "",
                dry_run=operator.dry_run,
                lock_seconds=_LOCK_SECONDS,
            )
    except InvalidEvent as error:
        return Attempt(None, error.problems, None, _difference(full, payload, error.problems))
    except (NoSuchLetterError, EditError, BlockedError) as error:
        return Attempt(None, (), str(error), _difference(full, payload, ()))
    return Attempt(edited, (), None, _difference(full, payload, ()))


def _difference(
    full: FullLetter, payload: bytes, problems: Sequence[Problem]
) -> tuple[DiffLine, ...]:
    """The lines of both that differ, and those with problems, with some lines around them."""
    text = _readable(payload)
    by_line = _by_line(text, payload, problems)
    return difference(_readable(full.payload).split("\n"), text.split("\n"), by_line)


def _readable(payload: bytes) -> str:
    """The event as text; as it came, where it is nested so deep that its indentation is long."""
    text, complete = readable_beginning(payload, 2 * MAX_EVENT_BYTES)
    return text if complete else payload.decode("utf-8", "backslashreplace")


def _by_line(text: str, payload: bytes, problems: Iterable[Problem]) -> dict[int, list[Problem]]:
    """The problems by the line in which they are; those of no line are left out."""
    found: dict[int, list[Problem]] = {}
    for problem in problems:
        line = line_of(text, problem.path) if problem.path else _named_line(problem)
        if line is not None and (problem.path or text == payload.decode("utf-8", "replace")):
            found.setdefault(line, []).append(problem)
    return found


def _named_line(problem: Problem) -> int | None:
    """The line that the message about broken JSON names."""
    named = _LINE.search(f"{problem} ")
    return int(named[1]) if named else None
