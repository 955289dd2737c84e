"""What a drawing consists of. Lengths are those of the drawing's own box, y goes down.

A look is a class of the style sheet, or several; `tip` is what people read who point at the mark.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Final, TypeAlias

Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle."""

    kind: ClassVar[str] = "rect"
    x: float
    y: float
    width: float
    height: float
    look: str
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """A line or an area."""

    kind: ClassVar[str] = "path"
    d: str
    look: str
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A text; `x` and `y` are where its line begins, is in the middle, or ends."""

    kind: ClassVar[str] = "text"
    x: float
    y: float
    text: str
    look: str = ""
    anchor: str = "start"


Mark: TypeAlias = Rect | Path | Text


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn, the first mark below the others."""

    width: float
    height: float
    marks: tuple[Mark, ...]

    def looking(self, look: str) -> list[Mark]:
        """The marks with this look."""
        return [mark for mark in self.marks if look in mark.look.split()]


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of a legend: a small picture of a look, and what it stands for."""

    text: str
    look: str
    shape: str = "box"
    """`box`, `line`, `dot`, `diamond`, `over` (a line with diamonds) or `hatch`."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much room a chart has."""

    width: float
    height: float

    @property
    def is_narrow(self) -> bool:
        """Whether it is for a telephone."""
        return self.width < _NARROW


_NARROW: Final = 500
WIDE: Final = Size(1000, 350)
NARROW: Final = Size(312, 260)
"""What a screen of 360 pixels has room for, one to one."""


def line(points: Sequence[Point]) -> str:
    """The path through some points."""
    return "M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in points) if points else ""


def stairs(points: Sequence[Point]) -> list[Point]:
    """The corners of a line that keeps its height until the next point."""
    corners: list[Point] = list(points[:1])
    for (_, before), (x, y) in pairwise(points):
        corners += [(x, before), (x, y)]
    return corners


def circle(x: float, y: float, radius: float) -> str:
    """The path of a circle."""
    r = _short(radius)
    left, top = _short(x - radius), _short(y)
    return (
        f"M{left} {top}a{r} {r} 0 1 0 {_short(2 * radius)} 0a{r} {r} 0 1 0 {_short(-2 * radius)} 0Z"
    )


def diamond(x: float, y: float, radius: float) -> str:
    """The path of a square that stands on a corner."""
    return line([(x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y)]) + "Z"


def _short(value: float) -> str:
    """A length to a tenth; a whole one without a point."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
