"""A heat map: cells of rows and columns, darker where the value is higher."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from signoff_web.charts.axes import LETTERS
from signoff_web.charts.marks import Drawing, Mark, Rect, Text
from signoff_web.charts.words import width_of

LEVELS: Final = 7
"""The looks `heat-1` to `heat-7`."""
_HIGH: Final = 27.0
_ABOVE: Final = 40.0
_PADDING: Final = 14.0


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A row of cells."""

    name: str
    note: str
    cells: tuple[float | None, ...]
    """From the first column on; None, and what is missing at the end, was not observed yet."""


@dataclass(frozen=True, slots=True)
class Heads:
    """What stands above the columns, and how tips name them."""

    names: Sequence[str]
    across: str
    """What the columns are."""
    tips: Sequence[str]
    """How tips name the columns, as `after 2 months`."""


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where the cells are, and how they are shown."""

    heads: Heads
    say: Callable[[float], str]
    exactly: Callable[[float], str]
    left: float
    width: float
    highest: float
    aside: int

    def cells(self, place: int, row: HeatRow) -> Iterator[Mark]:
        """The cells of the row at this place."""
        y = _ABOVE + place * _HIGH
        for column, name in enumerate(self.heads.tips):
            x, about = self.left + column * self.width, f"{row.name}, {name}"
            value = row.cells[column] if column < len(row.cells) else None
            box = (x + 1, y + 1, self.width - 2, _HIGH - 2)
            if value is None:
                yield Rect(*box, look="not-yet", tip=f"{about}: not observed yet")
                continue
            level, said = self._level(column, value), self.say(value)
            yield Rect(*box, look=f"heat-{level}", tip=f"{about}: {self.exactly(value)}")
            yield Text(x + self.width / 2, y + _HIGH / 2 + 4, said, f"on-heat-{level}", "middle")

    def _level(self, column: int, value: float) -> int:
        return 0 if column < self.aside else level_of(value, self.highest)


def heat(
    rows: Sequence[HeatRow],
    heads: Heads,
    say: Callable[[float], str],
    exactly: Callable[[float], str],
    *,
    aside: int = 0,
) -> Drawing:
    """Draw a heat map, as large as its cells need it.

    Args:
        rows: from top to bottom.
        heads: of the columns.
        say: writes the value of a cell.
        exactly: writes it in its tip.
        aside: so many columns on the left have no colour, since their values say nothing.
    """
    texts = [say(cell) for row in rows for cell in row.cells if cell is not None]
    width = (
        max((width_of(text, LETTERS) for text in [*texts, *heads.names]), default=0.0) + _PADDING
    )
    left = max((width_of(f"{row.name}   {row.note}", LETTERS) for row in rows), default=0.0) + 16
    grid = _Grid(heads, say, exactly, left, width, highest_of(rows, aside), aside)
    marks: list[Mark] = [Text(left, 14, heads.across, "tick")]
    for place, name in enumerate(heads.names):
        marks.append(Text(left + (place + 0.5) * width, _ABOVE - 8, name, "tick", "middle"))
    for place, row in enumerate(rows):
        y = _ABOVE + (place + 0.5) * _HIGH + 4
        marks.append(Text(0, y, row.name, "name"))
        marks.append(Text(left - 10, y, row.note, "tick", "end"))
        marks += grid.cells(place, row)
    right = left + max(width * len(heads.names) + 2, width_of(heads.across, LETTERS))
    return Drawing(right, _ABOVE + _HIGH * len(rows) + 2, tuple(marks))


def highest_of(rows: Sequence[HeatRow], aside: int = 0) -> float:
    """The value of the darkest cell."""
    coloured = (cell for row in rows for cell in row.cells[aside:] if cell is not None)
    return max(coloured, default=0.0)


def level_of(value: float, highest: float) -> int:
    """The look of a value: 1 is the lightest."""
    if highest <= 0:
        return 1
    return min(LEVELS, 1 + int(value / highest * LEVELS))
