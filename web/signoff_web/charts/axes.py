"""The frame of a chart with two axes: its lines, and the labels beside and below."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from signoff_web.charts.marks import Mark, Path, Size, Text, line
from signoff_web.charts.scales import Linear, ticks
from signoff_web.charts.words import width_of

LETTERS: Final = 12.0
"""The size of the letters."""
LINE: Final = 16.0
"""The height of a line of text."""
_ABOVE: Final = 14.0
_BELOW: Final = 24.0
_GAP: Final = 8.0
_APART: Final = 4.0
"""The least distance between two labels below the plot."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the plot is, and its vertical scale."""

    left: float
    right: float
    top: float
    bottom: float
    y: Linear
    values: tuple[float, ...]
    """The values at which lines stand."""
    say: Callable[[float], str]

    def lines(self) -> Iterator[Mark]:
        """The lines of the scale with their labels; that of 0 is stronger."""
        for value in self.values:
            y = self.y(value)
            yield Path(line([(self.left, y), (self.right, y)]), "axis" if value == 0 else "grid")
            yield Text(self.left - _GAP, y + 4, self.say(value), "tick", "end")


def framed(
    size: Size,
    highest: float,
    say: Callable[[float], str],
    *,
    room_right: float = 12.0,
    lines_below: int = 1,
    whole: bool = False,
) -> Frame:
    """The frame for values up to `highest`.

    Args:
        size: of the whole drawing.
        highest: the highest value; the scale goes to the next round one.
        say: writes a value beside its line.
        room_right: what is free on the right, for labels at the ends of lines.
        lines_below: lines of text below the plot.
        whole: whether values between whole numbers make no sense.
    """
    values = ticks(0.0, highest, 4 if size.is_narrow else 5, whole=whole)
    left = max(width_of(say(value), LETTERS) for value in values) + _GAP + 4
    bottom = size.height - _BELOW - (lines_below - 1) * LINE
    right = max(size.width - room_right, left + 1)
    y = Linear(values[0], values[-1], bottom, _ABOVE)
    return Frame(left, right, _ABOVE, bottom, y, tuple(values), say)


def below(frame: Frame, places: Sequence[tuple[float, str]]) -> Iterator[Mark]:
    """Labels below the plot; one that would leave the drawing on the right ends there.

    Where they would cover each other, only every second or third stands, the last one always.
    """
    end = frame.right + 12
    halves = [width_of(text, LETTERS) / 2 for _, text in places]
    middles = [min(x, end - half) for (x, _), half in zip(places, halves, strict=True)]
    sides = [(at - half, at + half) for at, half in zip(middles, halves, strict=True)]
    for place in _apart(sides):
        x, text = places[place]
        beyond = middles[place] < x
        at = end if beyond else x
        yield Text(at, frame.bottom + 18, text, "tick", "end" if beyond else "middle")


def _apart(sides: Sequence[tuple[float, float]]) -> range:
    """The places of labels, by their left and right sides, evenly so many that no two are close."""
    every = 1
    while True:
        kept = range((len(sides) - 1) % every, len(sides), every)
        if all(sides[after][0] - sides[one][1] >= _APART for one, after in pairwise(kept)):
            return kept
        every += 1
