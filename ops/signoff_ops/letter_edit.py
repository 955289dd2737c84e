"""Edit a letter's event step by step: what is wrong with it, what was changed, what it would do."""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from signoff_db import edit as editing
from signoff_db.dead_letters import FullLetter, NoSuchLetterError
from signoff_db.edit import Edited, EditError
from signoff_db.payload_text import line_of, readable_beginning
from signoff_db.replay import BlockedError
from signoff_ops.operating import Operator
from signoff_ops.servers import Servers
from signoff_schemas import MAX_EVENT_BYTES, InvalidEvent
from signoff_schemas.invalid import Problem
from signoff_schemas.wording import one_line_json

_LOCK_SECONDS: Final = 0.5
"""How long an edit waits for a lock, a few times: a person waits for it."""
_MOST_LINES: Final = 2000
"""The most lines that are compared: comparing more takes long."""
_MOST_SHOWN: Final = 300
_CONTEXT: Final = 3
_LINE: Final = re.compile(r"at line (\d{1,7}) ")


class Change(StrEnum):
    """What became of a line."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"
    LEFT_OUT = "left out"
    """Lines that are the same, or too many, are left out here."""


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of the difference between a letter's event and the edited one."""

    change: Change
    text: str
    number: int | None = None
    """Its number in the edited event."""
    problems: tuple[Problem, ...] = ()
    """What is wrong in this line."""


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
    new = text.split("\n")
    old = _readable(full.payload).split("\n")
    if max(len(new), len(old)) > _MOST_LINES:
        old = new
    by_line = _by_line(text, payload, problems)
    lines = list(_compared(old, new, by_line))
    wanted = [
        near
        for place, line in enumerate(lines)
        if line.change is not Change.SAME or line.problems
        for near in range(place - _CONTEXT, place + _CONTEXT + 1)
    ]
    return tuple(_shown(lines, set(wanted)))


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


def _compared(
    old: Sequence[str], new: Sequence[str], by_line: dict[int, list[Problem]]
) -> Iterator[DiffLine]:
    matcher = difflib.SequenceMatcher(None, old, new)
    for change, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if change != "equal":
            yield from (DiffLine(Change.REMOVED, text) for text in old[old_from:old_to])
        kind = Change.SAME if change == "equal" else Change.ADDED
        for number in range(new_from + 1, new_to + 1):
            problems = tuple(by_line.get(number, ()))
            yield DiffLine(kind, new[number - 1], number, problems)


def _shown(lines: Sequence[DiffLine], wanted: set[int]) -> Iterator[DiffLine]:
    shown = 0
    left_out = 0
    for place, line in enumerate(lines):
        if place in wanted and shown < _MOST_SHOWN:
            if left_out:
                yield DiffLine(Change.LEFT_OUT, f"{left_out:,}")
                left_out = 0
            yield line
            shown += 1
        else:
            left_out += 1
    if left_out:
        yield DiffLine(Change.LEFT_OUT, f"{left_out:,}")
