"""Lines over a horizontal scale of numbers: steps or straight."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from signoff_web.charts.axes import LETTERS, Frame, below, framed
from signoff_web.charts.marks import (
    Drawing,
    Mark,
    Path,
    Point,
    Size,
    Text,
    circle,
    line,
    stairs,
)
from signoff_web.charts.scales import Linear, ticks
from signoff_web.charts.words import width_of

_LABEL: Final = 15.0
"""The least distance between the labels of two lines."""
_DOTS: Final = 30
"""A line with at most so many points shows each of them."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line."""

    points: tuple[Point, ...]
    look: str
    """`line-1` and so on, or `line-faint`."""
    label: str = ""
    """Stands at its end."""
    tip: str = ""
    steps: bool = False
    """Whether a value holds until the next point."""
    dots: bool = False


def lines(
    size: Size,
    given: Sequence[Line],
    say: Callable[[float], str],
    *,
    across: str,
    say_across: Callable[[float], str] = "{:,.0f}".format,
) -> Drawing:
    """Draw lines.

    Args:
        size: of the drawing.
        given: the lines, the first one below the others.
        say: writes a value of the vertical scale.
        across: what the horizontal scale counts, as `days`.
        say_across: writes a value of the horizontal scale.
    """
    top = max((y for one in given for _, y in one.points), default=1.0) or 1.0
    longest = max((width_of(one.label, LETTERS) for one in given), default=0.0)
    room = min(longest + 14, size.width * 0.42) if longest else 14.0
    frame = framed(size, top, say, room_right=room, lines_below=2 if across else 1)
    x = _across(frame, given)
    marks: list[Mark] = [
        *frame.lines(),
        *_below(frame, x, across, say_across, narrow=size.is_narrow),
    ]
    for one in given:
        marks += _line(frame, x, one)
    return Drawing(size.width, size.height, (*marks, *_ends(frame, x, given)))


def _across(frame: Frame, given: Sequence[Line]) -> Linear:
    values = [x for one in given for x, _ in one.points]
    low, high = min(values, default=0.0), max(values, default=1.0)
    beside = 0.0 if high > low else 0.5  # a single value stands in the middle
    return Linear(low - beside, high + beside, frame.left, frame.right)


def _below(
    frame: Frame, x: Linear, across: str, say: Callable[[float], str], *, narrow: bool
) -> Iterator[Mark]:
    steps = ticks(x.low, x.high, 4 if narrow else 8, whole=True)
    places = [(x(value), say(value)) for value in steps if x.low <= value <= x.high]
    yield from below(frame, places)
    if across:
        yield Text((frame.left + frame.right) / 2, frame.bottom + 36, across, "tick", "middle")


def _line(frame: Frame, x: Linear, one: Line) -> Iterator[Mark]:
    places = [(x(at), frame.y(value)) for at, value in one.points]
    yield Path(line(stairs(places) if one.steps else places), f"line {one.look}", one.tip)
    if one.dots and len(places) <= _DOTS:
        yield from (Path(circle(*place, 3), f"dot {one.look}", one.tip) for place in places)


def _ends(frame: Frame, x: Linear, given: Sequence[Line]) -> Iterator[Mark]:
    """The labels at the ends of lines, moved apart where they would cover each other."""
    labelled = [one for one in given if one.label and one.points]
    ends = [(frame.y(one.points[-1][1]), x(one.points[-1][0]), one) for one in labelled]
    ends.sort(key=lambda end: end[0])
    heights = spread([y for y, _, _ in ends], _LABEL, frame.top, frame.bottom)
    for y, (_, at, one) in zip(heights, ends, strict=True):
        yield Text(at + 8, y + 4, one.label, f"label {one.look}")


def spread(wanted: Sequence[float], distance: float, top: float, bottom: float) -> list[float]:
    """Heights near those that are wanted, in their order, each so far below the one before."""
    placed: list[float] = []
    for height in wanted:
        placed.append(max(height, placed[-1] + distance if placed else top))
    for place in range(len(placed) - 1, -1, -1):
        limit = bottom - distance * (len(placed) - 1 - place)
        placed[place] = min(placed[place], limit)
    return placed
