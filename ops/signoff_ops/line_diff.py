"""The lines in which two texts differ, with some lines around them."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from signoff_schemas.invalid import Problem

_MOST_LINES: Final = 2000
"""The most lines that are compared: comparing more takes long."""
_MOST_SHOWN: Final = 300
_CONTEXT: Final = 3


class Change(StrEnum):
    """What became of a line."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"
    LEFT_OUT = "left out"
    """Lines that are the same, or too many, are left out here."""


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of the difference between a two texts."""

    change: Change
    text: str
    number: int | None = None
    """Its number in the new text."""
    problems: tuple[Problem, ...] = ()
    """What is wrong in this line."""


def difference(
    old: Sequence[str], new: Sequence[str], by_line: Mapping[int, Sequence[Problem]] | None = None
) -> tuple[DiffLine, ...]:
    """The lines that differ, and those with problems; `by_line` has these by number in `new`."""
    if max(len(new), len(old)) > _MOST_LINES:
        old = new
    lines = list(_compared(old, new, by_line or {}))
    wanted = [
        near
        for place, line in enumerate(lines)
        if line.change is not Change.SAME or line.problems
        for near in range(place - _CONTEXT, place + _CONTEXT + 1)
    ]
    return tuple(_shown(lines, set(wanted)))


def _compared(
    old: Sequence[str], new: Sequence[str], by_line: Mapping[int, Sequence[Problem]]
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
