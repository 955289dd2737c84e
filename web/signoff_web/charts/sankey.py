"""A Sankey diagram of two columns: where each came from, and where it went."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Final

from signoff_web.charts.axes import LETTERS, LINE
from signoff_web.charts.marks import Drawing, Mark, Path, Point, Rect, Size, Text
from signoff_web.charts.words import width_of

_NODE: Final = 12.0
_GAP: Final = 34.0
_TOP: Final = 28.0
_LEAST: Final = 1.5
"""The least height of a flow, so that a rare one is seen."""
_PLACES: Final = tuple(place / 20 for place in range(1, 20))
"""Where on its way the number of a flow may stand."""
_STEPS: Final = 80
"""So many parts of its way are looked at to see what lies on a flow."""
_LETTERS: Final = LETTERS + 0.5
_HIGH: Final = 14.0
"""The height of a text, with some room."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow from a node on the left to one on the right."""

    source: str
    target: str
    value: float
    look: str
    said: str
    """Stands on it where it covers no other text."""
    tip: str
    is_named: bool = False
    """Whether that finds its place before those of others."""


@dataclass(frozen=True, slots=True)
class Box:
    """Where a text is."""

    left: float
    right: float
    top: float
    bottom: float

    def covers(self, other: "Box") -> bool:
        """Whether the two have a part in common."""
        is_beside = self.right <= other.left or other.right <= self.left
        return not is_beside and self.top < other.bottom and other.top < self.bottom


def box_of(text: Text) -> Box:
    """The box of a text."""
    width = width_of(text.text, _LETTERS)
    left = text.x - {"start": 0.0, "middle": width / 2, "end": width}[text.anchor]
    return Box(left, left + width, text.y - _HIGH + 3, text.y + 3)


@dataclass(frozen=True, slots=True)
class _Side:
    """The nodes of one side: where each begins, and how high it is."""

    x: float
    """Where flows touch it."""
    tops: Mapping[str, float]
    heights: Mapping[str, float]

    @property
    def bottom(self) -> float:
        """Where the last one ends."""
        return max((top + self.heights[node] for node, top in self.tops.items()), default=_TOP)


@dataclass(frozen=True)
class _Ribbon:
    """A flow, drawn."""

    x0: float
    y0: float
    x1: float
    y1: float
    height: float

    @property
    def d(self) -> str:
        """Its path."""
        bend = (self.x0 + self.x1) / 2
        low0, low1 = self.y0 + self.height, self.y1 + self.height
        return (
            f"M{self.x0:.1f} {self.y0:.1f}"
            f"C{bend:.1f} {self.y0:.1f} {bend:.1f} {self.y1:.1f} {self.x1:.1f} {self.y1:.1f}"
            f"V{low1:.1f}C{bend:.1f} {low1:.1f} {bend:.1f} {low0:.1f} {self.x0:.1f} {low0:.1f}Z"
        )

    def middle(self, share: float) -> Point:
        """The middle of its height, after this share of its way."""
        along = share * (1.5 - 1.5 * share + share * share)
        bent = share * share * (3 - 2 * share)
        x = self.x0 + (self.x1 - self.x0) * along
        return x, self.y0 + (self.y1 - self.y0) * bent + self.height / 2

    def touches(self, box: Box) -> bool:
        """Whether a box lies on it."""
        half = self.height / 2
        points = self._points  # in order of x
        within = points[bisect_left(points, (box.left,)) : bisect_right(points, (box.right, inf))]
        return any(box.top < y + half and y - half < box.bottom for _, y in within)

    @cached_property
    def _points(self) -> Sequence[Point]:
        """Its middle after each of some steps."""
        return [self.middle(step / _STEPS) for step in range(_STEPS + 1)]


def sankey(
    size: Size,
    flows: Sequence[Flow],
    order: Sequence[str],
    say: Callable[[str, float], tuple[str, str]],
    *,
    heads: tuple[str, str],
) -> Drawing:
    """Draw the flows.

    Args:
        size: of the drawing.
        flows: what flows where; each pair of nodes once.
        order: the nodes from top to bottom, on both sides.
        say: the two lines of text beside a node, by its name and its sum.
        heads: what stands above the left and the right side.
    """
    sources = {node: sum(one.value for one in flows if one.source == node) for node in order}
    targets = {node: sum(one.value for one in flows if one.target == node) for node in order}
    most = max(sum(1 for value in side.values() if value) for side in (sources, targets))
    scale = max(size.height - _TOP - _GAP * most, 40.0) / (sum(sources.values()) or 1.0)
    room = _room([say(*one) for side in (sources, targets) for one in side.items()], size)
    left = _side(sources, scale, room + _NODE)
    right = _side(targets, scale, size.width - room - _NODE)
    marks: list[Mark] = [
        Text(room, 14, heads[0], "tick"),
        Text(size.width - room, 14, heads[1], "tick", "end"),
    ]
    ribbons = _ribbons(flows, order, left, right, scale)
    marks += [Path(ribbon.d, f"flow {one.look}", one.tip) for one, ribbon in ribbons]
    nodes: list[Mark] = []
    for values, side, is_left in ((sources, left, True), (targets, right, False)):
        for node in side.tops:
            nodes += _node(side, node, say(node, values[node]), is_left=is_left, inside=not room)
    names = [box_of(mark) for mark in (*marks, *nodes) if isinstance(mark, Text)]
    marks += [*_numbers(ribbons, names, left.x, right.x), *nodes]
    return Drawing(size.width, max(left.bottom, right.bottom) + 2 * LINE, tuple(marks))


def _room(texts: Sequence[tuple[str, str]], size: Size) -> float:
    """What the names need beside the diagram; a narrow one has them below the nodes."""
    if size.is_narrow:
        return 0.0
    return max(width_of(text, LETTERS + 0.5) for both in texts for text in both) + 10


def _side(values: Mapping[str, float], scale: float, x: float) -> _Side:
    tops: dict[str, float] = {}
    heights: dict[str, float] = {}
    y = _TOP
    for node, value in values.items():
        if value:
            tops[node], heights[node] = y, max(value * scale, _LEAST)
            y += heights[node] + _GAP
    return _Side(x, tops, heights)


def _ribbons(
    flows: Sequence[Flow], order: Sequence[str], left: _Side, right: _Side, scale: float
) -> list[tuple[Flow, _Ribbon]]:
    """Where each flow is: on both sides, flows do not cross more than they have to."""
    place = {node: number for number, node in enumerate(order)}
    leaving, arriving = dict(left.tops), dict(right.tops)
    drawn = []
    for one in sorted(flows, key=lambda flow: (place[flow.source], place[flow.target])):
        # Sorted so, flows from one node leave it, and arrive at one, in the order of the nodes.
        y0, y1, height = leaving[one.source], arriving[one.target], one.value * scale
        leaving[one.source] += height
        arriving[one.target] += height
        drawn.append((one, _Ribbon(left.x, y0, right.x, y1, max(height, _LEAST))))
    return drawn


def _numbers(
    ribbons: Sequence[tuple[Flow, _Ribbon]], taken: Sequence[Box], left: float, right: float
) -> Iterator[Mark]:
    """The numbers of the flows: none covers a text; one that finds no place is left to the table.

    Args:
        ribbons: the flows, drawn.
        taken: where other texts are.
        left: where flows begin.
        right: where they end.
    """
    boxes = list(taken)
    order = sorted(ribbons, key=lambda drawn: (not drawn[0].is_named, -drawn[0].value))
    for flow, ribbon in order:
        texts = [_number(flow, ribbon, place) for place in _PLACES]
        free = [text for text in texts if _is_free(box_of(text), boxes, left, right)]
        if free:
            # Where it lies on the fewest other flows; if there are several such places, the first.
            best = min(free, key=lambda text: _others(box_of(text), ribbon, ribbons))
            boxes.append(box_of(best))
            yield best


def _number(flow: Flow, ribbon: _Ribbon, place: float) -> Text:
    x, y = ribbon.middle(place)
    return Text(x, y + 4, flow.said, "on-flow", "middle")


def _is_free(box: Box, boxes: Sequence[Box], left: float, right: float) -> bool:
    is_between = left <= box.left and box.right <= right
    return is_between and not any(box.covers(other) for other in boxes)


def _others(box: Box, own: _Ribbon, ribbons: Sequence[tuple[Flow, _Ribbon]]) -> int:
    return sum(1 for _, other in ribbons if other is not own and other.touches(box))


def _node(
    side: _Side, node: str, said: tuple[str, str], *, is_left: bool, inside: bool
) -> Iterator[Mark]:
    name, note = said
    top, height = side.tops[node], side.heights[node]
    x = side.x - _NODE if is_left else side.x
    yield Rect(x, top, _NODE, height, "node", f"{name}: {note}")
    if inside:
        at, anchor = (x, "start") if is_left else (x + _NODE, "end")
        yield Text(at, top + height + 13, f"{name}, {note}", "name halo", anchor)
        return
    at, anchor = (x - 8, "end") if is_left else (x + _NODE + 8, "start")
    yield Text(at, top + height / 2 - 1, name, "name", anchor)
    yield Text(at, top + height / 2 + 13, note, "tick", anchor)
