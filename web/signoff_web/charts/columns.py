"""Columns, one for each month or day: parts on top of each other, and a line above them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from signoff_web.charts.axes import LETTERS, Frame, below, framed
from signoff_web.charts.marks import Drawing, Mark, Path, Rect, Size, Text, diamond, line
from signoff_web.charts.scales import Bands
from signoff_web.charts.words import width_of

_MOST_WIDE: Final = 56.0
_FILLED: Final = 0.72
"""Which part of its band a column fills."""
_VALUE_ROOM: Final = 8.0
_VALUE_HIGH: Final = 12.0


class Seen(StrEnum):
    """How much of the time of a column was observed."""

    WHOLE = "whole"
    PART = "part"
    """Its value may still change."""
    NOT_YET = "not-yet"
    """It has no value."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    label: str
    parts: tuple[float, ...]
    """From the bottom to the top; empty where nothing was observed yet."""
    tip: str
    seen: Seen = Seen.WHOLE
    over: float | None = None
    """The value of the line above it."""
    value: str = ""
    """What stands on top of it, where there is room."""

    @property
    def height(self) -> float:
        """The sum of its parts."""
        return sum(self.parts)


def columns(
    size: Size, given: Sequence[Column], say: Callable[[float], str], *, whole: bool = False
) -> Drawing:
    """Draw columns.

    Args:
        size: of the drawing.
        given: the columns from left to right.
        say: writes a value of the vertical scale.
        whole: whether values between whole numbers make no sense.
    """
    highest = max((max(one.height, one.over or 0.0) for one in given), default=0.0)
    frame = framed(size, highest or 1.0, say, whole=whole)
    bands = Bands(len(given), frame.left, frame.right)
    marks = [*frame.lines(), *_labels(frame, bands, given)]
    for place, column in enumerate(given):
        marks += _column(frame, bands, place, column)
    marks += _over(frame, bands, given)
    return Drawing(size.width, size.height, tuple(marks))


def _labels(frame: Frame, bands: Bands, given: Sequence[Column]) -> Iterator[Mark]:
    room = max((width_of(one.label, LETTERS) for one in given), default=0.0) + 10
    yield from below(
        frame, [(bands.middle(place), given[place].label) for place in bands.labelled(room)]
    )


def _column(frame: Frame, bands: Bands, place: int, column: Column) -> Iterator[Mark]:
    width = min(bands.width * _FILLED, _MOST_WIDE)
    x = bands.middle(place) - width / 2
    if column.seen is Seen.NOT_YET:
        height = frame.bottom - frame.top
        yield Rect(x, frame.top, width, height, "not-yet", column.tip)
        return
    sunk = 0.0
    for number, part in enumerate(column.parts):
        top, bottom = frame.y(sunk + part), frame.y(sunk)
        sunk += part
        if part > 0:
            yield Rect(x, top, width, bottom - top, _look(number, column), column.tip)
        if part > 0 and column.seen is Seen.PART:
            yield Rect(x, top, width, bottom - top, "hatched", column.tip)
    if column.value and width_of(column.value, LETTERS) + _VALUE_ROOM <= bands.width:
        yield _value(frame, bands.middle(place), column)


def _value(frame: Frame, x: float, column: Column) -> Mark:
    """What stands on a column; inside of it where the line above would cross it."""
    top = frame.y(column.height)
    is_crossed = column.over is not None and top - frame.y(column.over) < 2 * _VALUE_HIGH
    if is_crossed and frame.bottom - top > 2 * _VALUE_HIGH:
        return Text(x, top + _VALUE_HIGH + 3, column.value, "value inside", "middle")
    return Text(x, top - 5, column.value, "value", "middle")


def _look(number: int, column: Column) -> str:
    return f"fill-{number + 1}" + (" provisional" if column.seen is Seen.PART else "")


def _over(frame: Frame, bands: Bands, given: Sequence[Column]) -> Iterator[Mark]:
    """The line above the columns; it is broken where a value is missing."""
    run: list[tuple[float, float]] = []
    for place, column in enumerate([*given, None]):
        if column is not None and column.over is not None:
            run.append((bands.middle(place), frame.y(column.over)))
            continue
        if run:
            yield Path(line(run), "over")
            yield from (Path(diamond(x, y, 4.5), "over-dot") for x, y in run)
        run = []
