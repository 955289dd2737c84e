"""Charts of rows, from top to bottom: bars, intervals, and pairs of values.

In a wide drawing names stand left of the plot, in a narrow one above each row.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from signoff_web.charts.axes import LETTERS, LINE
from signoff_web.charts.marks import Drawing, Mark, Path, Rect, Size, Text, circle, diamond, line
from signoff_web.charts.scales import Linear, ticks
from signoff_web.charts.words import cut, width_of

_BAR: Final = 20.0
_ROW: Final = 38.0
_AXIS: Final = 26.0
_INDENT: Final = 12.0
_SCALE_INDENT: Final = 22.0
"""So names above their rows begin behind the line at 0, which stands 16 from the left there."""
_END: Final = 5.0
"""Half the height of the end of an interval."""
_AROUND_0: Final = 0.01
"""So far a scale goes to both sides where there is nothing but 0."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row."""

    name: str
    value: float | None
    """None where it is not known."""
    said: str
    """The value in words, or why there is none."""
    note: str = ""
    """Stands below the name."""
    low: float | None = None
    high: float | None = None
    """The ends of its interval."""
    other: float | None = None
    """The second value of a pair."""
    look: str = "1"
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the rows and their names stand."""

    size: Size
    rows: tuple[Row, ...]
    room_right: float
    names: float
    """The width of the names; 0 where they stand above their rows."""
    indent: float
    """How far names above their rows are moved to the right."""
    top: float = 6.0

    @property
    def row(self) -> float:
        """The height of a row."""
        return _ROW if self.names else _ROW + LINE * (2 if self.has_notes_below else 1)

    @property
    def has_notes_below(self) -> bool:
        """Whether notes stand below the names, not behind them, for want of room."""
        return any(self._cut(text, self._room) != text for text in map(_with_note, self.rows))

    @property
    def bottom(self) -> float:
        """Where the plot ends."""
        return self.top + self.row * len(self.rows)

    @property
    def left(self) -> float:
        """Where the plot begins."""
        return self.names + 14 if self.names else 8.0

    @property
    def right(self) -> float:
        """Where the plot ends, before what stands right of it."""
        return self.size.width - self.room_right

    def middle(self, place: int) -> float:
        """The height of the middle of a bar."""
        within = self.row / 2 if self.names else self.row - _BAR / 2 - 6
        return self.top + self.row * place + within

    def texts(self) -> Iterator[Mark]:
        """The names of the rows, and what is noted about them."""
        for place, row in enumerate(self.rows):
            if self.names:
                yield from self._beside(place, row)
            else:
                yield from self._above(place, row)

    def _above(self, place: int, row: Row) -> Iterator[Mark]:
        x, y = self.left + self.indent, self.middle(place) - 17
        if not self.has_notes_below:
            yield Text(x, y, _with_note(row), "name halo")
            return
        yield Text(x, y - LINE, self._cut(row.name, self._room), "name halo")
        if row.note:
            yield Text(x, y, self._cut(row.note, self._room), "tick halo")

    @property
    def _room(self) -> float:
        return self.size.width - self.left - 2 * self.indent

    def _beside(self, place: int, row: Row) -> Iterator[Mark]:
        y = self.middle(place) + (-2 if row.note else 4)
        yield Text(self.names, y, self._cut(row.name, self.names - 4), "name", "end")
        if row.note:
            yield Text(self.names, y + 14, self._cut(row.note, self.names - 4), "tick", "end")

    @staticmethod
    def _cut(text: str, room: float) -> str:
        return cut(text, room, LETTERS + 0.5)


def _with_note(row: Row) -> str:
    return f"{row.name} ({row.note})" if row.note else row.name


def bars(size: Size, rows: Sequence[Row], *, highest: float | None = None) -> Drawing:
    """Bars from the left, with their intervals; a row without a value shows why there is none."""
    layout = _layout(size, rows, _INDENT)
    top = highest or max((max(row.value or 0.0, row.high or 0.0) for row in rows), default=1.0)
    x = Linear(0.0, top or 1.0, layout.left, layout.right)
    marks: list[Mark] = [*layout.texts()]
    for place, row in enumerate(rows):
        marks += _bar(x, layout.middle(place), row)
    axis = Path(line([(layout.left, layout.top), (layout.left, layout.bottom)]), "axis")
    return Drawing(size.width, layout.bottom + 6, (*marks, axis))


def intervals(size: Size, rows: Sequence[Row], say: Callable[[float], str]) -> Drawing:
    """A dot and its interval a row, beside a line at 0: what includes 0 may be chance."""
    layout = _layout(size, rows, _SCALE_INDENT)
    ends = [
        0.0,
        *(end for row in rows for end in (row.low, row.high, row.value) if end is not None),
    ]
    low, high = min(ends), max(ends)
    around = 0.0 if low < high else _AROUND_0
    x, marks = _scale(layout, low - around, high + around, say)
    for place, row in enumerate(rows):
        marks += _interval(x, layout.middle(place), row)
    marks += _values(layout)
    return Drawing(size.width, layout.bottom + _AXIS, (*marks, *layout.texts()))


def pairs(size: Size, rows: Sequence[Row], say: Callable[[float], str]) -> Drawing:
    """Two values a row, joined by a line: `value` is a dot, `other` a diamond."""
    layout = _layout(size, rows, _SCALE_INDENT)
    ends = [end for row in rows for end in (row.value, row.other) if end is not None]
    x, marks = _scale(layout, 0.0, max(ends, default=1.0), say)
    for place, row in enumerate(rows):
        marks += _pair(x, layout.middle(place), row)
    marks += _values(layout)
    return Drawing(size.width, layout.bottom + _AXIS, (*marks, *layout.texts()))


def _layout(size: Size, rows: Sequence[Row], indent: float) -> Layout:
    said = max((width_of(row.said, LETTERS) for row in rows), default=0.0) + 12
    longest = max(
        (width_of(text, LETTERS + 0.5) for row in rows for text in (row.name, row.note)),
        default=0.0,
    )
    names = 0.0 if size.is_narrow else min(longest + 8, size.width * 0.32)
    return Layout(size, tuple(rows), min(said, size.width * 0.55), names, indent)


def _bar(x: Linear, y: float, row: Row) -> Iterator[Mark]:
    if row.value is None:
        yield Rect(x.start, y - _BAR / 2, x.end - x.start, _BAR, "not-yet", row.tip)
        yield Text(x.end + 8, y + 4, row.said, "tick")
        return
    end = x(row.value)
    yield Rect(x.start, y - _BAR / 2, max(end - x.start, 1.0), _BAR, f"fill-{row.look}", row.tip)
    if row.low is not None and row.high is not None:
        yield from _whisker(x(row.low), x(row.high), y, row.tip)
        end = max(end, x(row.high))
    yield Text(end + 8, y + 4, row.said, "value")


def _interval(x: Linear, y: float, row: Row) -> Iterator[Mark]:
    if row.value is None:
        return
    if row.low is not None and row.high is not None:
        yield from _whisker(x(row.low), x(row.high), y, row.tip)
    yield Path(circle(x(row.value), y, 5.5), f"fill-{row.look} edge", row.tip)


def _pair(x: Linear, y: float, row: Row) -> Iterator[Mark]:
    if row.value is not None and row.other is not None:
        yield Path(line([(x(row.value), y), (x(row.other), y)]), "whisker", row.tip)
    if row.other is not None:
        yield Path(diamond(x(row.other), y, 9), "fill-2 edge", row.tip)
    if row.value is not None:
        yield Path(circle(x(row.value), y, 4.5), "fill-1", row.tip)


def _whisker(low: float, high: float, y: float, tip: str) -> Iterator[Mark]:
    yield Path(line([(low, y), (high, y)]), "whisker", tip)
    for end in (low, high):
        yield Path(line([(end, y - _END), (end, y + _END)]), "whisker", tip)


def _scale(
    layout: Layout, low: float, high: float, say: Callable[[float], str]
) -> tuple[Linear, list[Mark]]:
    """The horizontal scale, and its lines."""
    values = ticks(low, high, 4 if layout.size.is_narrow else 7)
    left = layout.left + (16 if layout.size.is_narrow else 6)
    x = Linear(values[0], values[-1], left, layout.right)
    marks: list[Mark] = []
    for value in values:
        at = x(value)
        look = "axis" if value == 0 else "grid"
        marks.append(Path(line([(at, layout.top), (at, layout.bottom)]), look))
        marks.append(Text(at, layout.bottom + 18, say(value), "tick", "middle"))
    return x, marks


def _values(layout: Layout) -> Iterator[Mark]:
    """What is said about each row, at its right."""
    for place, row in enumerate(layout.rows):
        look = "tick" if row.value is None else "value"
        yield Text(layout.size.width - 2, layout.middle(place) + 4, row.said, look, "end")
