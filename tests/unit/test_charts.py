"""The geometry of charts: what is larger is drawn larger, and nothing leaves its drawing."""

import math
from itertools import pairwise

import pytest
from drawings import check_inside, rects, texts
from hypothesis import given
from hypothesis import strategies as st

from signoff_web.charts import words
from signoff_web.charts.columns import Column, Seen, columns
from signoff_web.charts.heat import LEVELS, Heads, HeatRow, heat, level_of
from signoff_web.charts.lines import Line, lines, spread
from signoff_web.charts.marks import NARROW, WIDE, Size, Text, line, stairs
from signoff_web.charts.rows import Row, bars, intervals, pairs
from signoff_web.charts.sankey import Flow, box_of, sankey
from signoff_web.charts.scales import Bands, Linear, ticks

SIZES = pytest.mark.parametrize("size", [WIDE, NARROW])
VALUES = st.floats(-1e9, 1e9, allow_nan=False)


@given(VALUES, VALUES, st.integers(1, 12), st.booleans())
def test_ticks_cover_the_values_in_round_steps(
    one: float, other: float, most: int, whole: bool
) -> None:
    """They are equally far apart, and not many more than wanted."""
    low, high = min(one, other), max(one, other)
    found = ticks(low, high, most, whole=whole)
    tolerance = 1e-6 * max(abs(low), abs(high), 1)
    assert found[0] <= low + tolerance
    assert found[-1] >= high - tolerance
    assert len(found) <= most + 3
    steps = [after - before for before, after in pairwise(found)]
    assert all(math.isclose(step, steps[0], rel_tol=1e-6, abs_tol=1e-9) for step in steps)
    if whole:
        assert all(value == round(value) for value in found)


@pytest.mark.parametrize(
    ("high", "expected"),
    [
        (0.137, [0, 0.05, 0.1, 0.15]),
        (412, [0, 100, 200, 300, 400, 500]),
        (0, [0, 1]),
        (3, [0, 1, 2, 3]),
    ],
)
def test_ticks_are_numbers_that_people_would_choose(high: float, expected: list[float]) -> None:
    """Steps are 1, 2, 2.5 or 5 with zeros."""
    assert ticks(0, high, whole=high == 3) == expected


def test_a_scale_keeps_what_is_beyond_it_at_its_end() -> None:
    """So no mark leaves the plot."""
    scale = Linear(0, 10, 100, 0)
    assert [scale(value) for value in (-5, 0, 5, 10, 20)] == [100, 100, 50, 0, 0]
    assert Linear(3, 3, 0, 10)(3) == 0


def test_labels_are_left_out_where_they_would_touch() -> None:
    """The last one always stays."""
    bands = Bands(10, 0, 100)
    assert list(bands.labelled(10)) == list(range(10))
    assert list(bands.labelled(25)) == [0, 3, 6, 9]
    assert list(Bands(0, 0, 100).labelled(25)) == []


def test_stairs_keep_the_height_until_the_next_point() -> None:
    """As a share does that changes with an event."""
    assert stairs([(0, 0), (2, 5), (3, 9)]) == [(0, 0), (2, 0), (2, 5), (3, 5), (3, 9)]
    assert line([(0, 1.25), (2, -0.01)]) == "M0 1.2L2 0"
    assert line([]) == ""


@SIZES
def test_columns_are_as_high_as_their_values(size: Size) -> None:
    """Their parts stand on each other; a column that is not complete is hatched."""
    made = [
        Column("Jan 2026", (10, 5), "15"),
        Column("Feb 2026", (20, 0), "20", Seen.PART, over=25),
        Column("Mar 2026", (), "nothing yet", Seen.NOT_YET),
    ]
    drawing = columns(size, made, words.short)
    first, second = rects(drawing, "fill-1")
    (above,) = rects(drawing, "fill-2")
    assert second.height == pytest.approx(2 * first.height)
    assert above.y + above.height == pytest.approx(first.y)
    assert [one.tip for one in rects(drawing, "hatched")] == ["20"]
    assert [one.tip for one in rects(drawing, "not-yet")] == ["nothing yet"]
    assert "Mar 2026" in texts(drawing)
    check_inside(drawing)


def test_the_line_above_columns_is_broken_where_nothing_is_known() -> None:
    """No value is made up between two that are known."""
    made = [Column(str(place), (1,), "", over=over) for place, over in enumerate([1, 2, None, 3])]
    assert len(columns(WIDE, made, words.short).looking("over")) == 2


@SIZES
@pytest.mark.parametrize("many", [0, 1, 3, 200])
def test_columns_of_any_number_fit(size: Size, many: int) -> None:
    """Also none at all."""
    made = [Column(f"{place} May", (place,), "", value=str(place)) for place in range(many)]
    check_inside(columns(size, made, words.short))


@SIZES
def test_lines_have_their_names_at_their_ends(size: Size) -> None:
    """Apart from each other, also where they end at the same height."""
    made = [
        Line(((0, 0), (10, 0.5)), "line-1", "reached", steps=True),
        Line(((0, 0), (10, 0.5)), "line-2", "lost", dots=True),
    ]
    drawing = lines(size, made, words.short_percent, across="days")
    ends = [mark.y for mark in drawing.looking("label") if isinstance(mark, Text)]
    assert abs(ends[0] - ends[1]) >= 15
    assert "days" in texts(drawing)
    check_inside(drawing)


@SIZES
def test_labels_below_lines_do_not_cover_each_other(size: Size) -> None:
    """Of long ones those that fit stand, evenly; the last one always."""
    made = [Line(tuple((float(x), 0.5) for x in range(17)), "line-1", "phone_call")]
    drawing = lines(
        size, made, words.short_percent, across="", say_across=lambda x: f"month {x:02.0f}"
    )
    below = [
        mark
        for mark in drawing.looking("tick")
        if isinstance(mark, Text) and mark.y > size.height - 20
    ]
    ends = {"middle": 0.5, "end": 1.0}
    lefts = [mark.x - ends[mark.anchor] * words.width_of(mark.text, 12) for mark in below]
    rights = [left + words.width_of(mark.text, 12) for left, mark in zip(lefts, below, strict=True)]
    assert len(below) > 1
    assert all(right < left for right, left in zip(rights, lefts[1:], strict=False))
    assert below[-1].text in {"month 15", "month 16"}  # the last tick of each size


def test_labels_are_moved_apart_and_stay_inside() -> None:
    """In their order, as near as possible to what they name."""
    assert spread([10, 12, 50], 15, 0, 100) == [10, 25, 50]
    assert spread([95, 99], 15, 0, 100) == [85, 100]
    assert spread([], 15, 0, 100) == []


@SIZES
def test_bars_tell_why_there_is_none(size: Size) -> None:
    """What is not known is hatched over all of the row, and is no bar of length 0."""
    rows = [
        Row("A", 0.5, "50.0 %", "5 of 10", 0.3, 0.7),
        Row("B", 0.25, "25.0 %"),
        Row("C", None, "not observed yet"),
    ]
    drawing = bars(size, rows, highest=1)
    first, second = rects(drawing, "fill-1")
    assert first.width == pytest.approx(2 * second.width)
    assert len(rects(drawing, "not-yet")) == 1
    assert "not observed yet" in texts(drawing)
    check_inside(drawing)


@SIZES
def test_intervals_and_pairs_show_what_they_have(size: Size) -> None:
    """A row without a value keeps its name and says why."""
    rows = [
        Row("A", -0.05, "-5.0", "3 customers", -0.1, 0.02, other=0.1),
        Row("x" * 200, None, "no comparison"),
    ]
    for drawing in (intervals(size, rows, words.short), pairs(size, rows, words.short)):
        assert "no comparison" in texts(drawing)
        assert any(text.endswith("…") for text in texts(drawing))
        check_inside(drawing)


@SIZES
def test_differences_of_0_without_an_interval_stand_amid_the_scale(size: Size) -> None:
    """The line at 0 is not at an end: a difference may have either sign."""
    drawing = intervals(size, [Row("A", 0.0, "0.0"), Row("B", 0.0, "0.0")], words.points)
    scale = {one.text: one.x for one in drawing.marks if isinstance(one, Text)}
    minus, zero, plus = (scale[f"{sign} points"] for sign in ("\N{MINUS SIGN}1.0", "0.0", "+1.0"))
    assert minus < zero < plus
    assert zero - minus == pytest.approx(plus - zero)


def test_names_above_pairs_begin_behind_the_line_at_0() -> None:
    """The line would go through their first letter."""
    drawing = pairs(NARROW, [Row("0", 1.0, "1 / 2", "21 customers", other=2.0)], words.short)
    placed = {mark.text: mark.x for mark in drawing.marks if isinstance(mark, Text)}
    zero, name = placed["0"], placed["0 (21 customers)"]
    assert zero < name


def test_a_heat_map_is_darker_where_there_is_more() -> None:
    """What was not observed is hatched; a column aside has no colour."""
    rows = [HeatRow("Jan", "300", (1.0, 0.2, 0.1)), HeatRow("Feb", "299", (1.0, 0.05))]
    heads = Heads(["0", "1", "2"], "months", ["month 0", "month 1", "month 2"])
    drawing = heat(rows, heads, words.short_percent, words.percent, aside=1)
    assert len(rects(drawing, "heat-0")) == 2
    assert [one.tip for one in rects(drawing, f"heat-{LEVELS}")] == ["Jan, month 1: 20.0 %"]
    assert [one.tip for one in rects(drawing, "not-yet")] == ["Feb, month 2: not observed yet"]
    check_inside(drawing)
    assert [level_of(value, 10) for value in (0, 1.5, 9.9, 10)] == [1, 2, LEVELS, LEVELS]
    assert level_of(0, 0) == 1


@SIZES
@given(values=st.lists(st.integers(0, 10**6), min_size=4, max_size=4))
def test_flows_keep_their_sums(size: Size, values: list[int]) -> None:
    """A node is as high as what leaves it or arrives, however small."""
    names = ["A", "B"]
    pairs_of = [(one, other) for one in names for other in names]
    flows = [
        Flow(source, target, value, "flow-path", str(value), "", is_named=value == 1)
        for (source, target), value in zip(pairs_of, values, strict=True)
        if value
    ]
    drawing = sankey(
        size, flows, names, lambda node, value: (node, f"{value:,.0f}"), heads=("From", "To")
    )
    nodes = {}
    for node in rects(drawing, "node"):
        name, value = node.tip.split(": ")
        nodes[name, node.x < size.width / 2] = (int(value.replace(",", "")), node.height)
    for place, (name, is_left) in enumerate([("A", True), ("B", True), ("A", False), ("B", False)]):
        sums = [
            values[0] + values[1],
            values[2] + values[3],
            values[0] + values[2],
            values[1] + values[3],
        ]
        assert nodes.get((name, is_left), (0, 0))[0] == sums[place]
    heights = sorted(nodes.values())
    assert all(before[1] <= after[1] + 1e-6 for before, after in pairwise(heights))
    check_inside(drawing)


@SIZES
@given(values=st.lists(st.integers(1, 2000), min_size=12, max_size=12))
def test_numbers_of_flows_cover_no_text(size: Size, values: list[int]) -> None:
    """Not each other, and not the names of nodes; what has no place is left out."""
    names = ["Prospect", "Lead qualified", "Customer", "Lead exhausted"]
    ways = [(one, other) for one in names for other in names if one != other]
    flows = [
        Flow(*way, value, "flow-path", f"reactivated, {value}", "", is_named=way[0] == names[-1])
        for way, value in zip(ways, values, strict=True)
    ]
    drawing = sankey(
        size, flows, names, lambda node, value: (node, f"{value:,.0f}"), heads=("From", "To")
    )
    boxes = [box_of(mark) for mark in drawing.marks if isinstance(mark, Text)]
    numbers = [box_of(mark) for mark in drawing.looking("on-flow") if isinstance(mark, Text)]
    assert numbers
    for number in numbers:
        assert sum(1 for box in boxes if number.covers(box)) == 1, "itself"


def test_a_thin_flow_has_its_number_where_there_is_room() -> None:
    """However thin it is."""
    flows = [
        Flow("A", "A", 5000, "flow-path", "5,000", ""),
        Flow("A", "B", 1, "flow-lost", "1", ""),
    ]
    for size in (WIDE, NARROW):
        drawing = sankey(size, flows, ["A", "B"], lambda node, _: (node, ""), heads=("From", "To"))
        assert {"5,000", "1"} <= set(texts(drawing))


@SIZES
def test_notes_of_rows_are_shown_whole(size: Size) -> None:
    """Where a note has no room behind a name, notes have a line of their own."""
    rows = [
        Row("Prospect to lead qualified", 0.5, "50.0 %", "12,708 of 12,895"),
        Row("B", 0.25, "25.0 %", "5 of 20"),
    ]
    drawing = bars(size, rows, highest=1)
    assert {"Prospect to lead qualified", "12,708 of 12,895", "5 of 20"} <= set(texts(drawing))
    check_inside(drawing)
    short = texts(bars(NARROW, rows[1:], highest=1))
    assert "B (5 of 20)" in short


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (words.percent(0.1234), "12.3 %"),
        (words.percent(-0.0001), "0.0 %"),
        (words.points(-0.055), "\N{MINUS SIGN}5.5 points"),
        (words.points(0.0001), "0.0 points"),
        (words.points(0.061), "+6.1 points"),
        (words.off(0.267, "too high", "too low"), "26.7 % too high"),
        (words.off(-0.261, "too many", "too few"), "26.1 % too few"),
        (words.off(-0.0001, "too many", "too few"), "0.0 % off"),
        (words.usd(1234567.891), "1,234,567.89 USD"),
        (words.count(12345), "12,345"),
        (words.days(12), "12 days"),
        (words.days(1), "1 day"),
        (words.days(33.5), "33.5 days"),
        (words.short(12_000), "12k"),
        (words.short(1_500_000), "1.5M"),
        (words.short(2.5), "2.5"),
        (words.short_percent(0.125), "12.5 %"),
        (words.number(0.5251), "0.525"),
        (words.number(15.442), "15.44"),
        (words.status("LEAD_QUALIFIED"), "Lead qualified"),
    ],
)
def test_values_are_written_as_people_read_them(said: str, expected: str) -> None:
    """With separators, units, and a minus that is one."""
    assert said == expected


def test_a_text_that_is_too_long_is_cut() -> None:
    """Wide letters count twice; what fits stays whole."""
    assert words.cut("ann", 100, 12) == "ann"
    cut = words.cut("x" * 300, 100, 12)
    assert cut.endswith("…")
    assert words.width_of(cut, 12) <= 100
    assert len(words.cut("漢" * 300, 100, 12)) < len(cut)
