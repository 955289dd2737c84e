"""Figures of reports made by hand: what they say, what they draw, and names that attack."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from drawings import check_inside, texts
from insight_reports import HOSTILE_NAME, VIEWS, empty, report
from pages import HOSTILE

from signoff_insight.report import Asked
from signoff_ops.insight import Report, Value
from signoff_web.charts.marks import Rect, Text
from signoff_web.figures.figure import Figure
from signoff_web.figures.of_views import figures_of
from signoff_web.templating import TEMPLATES


def rendered(figures: list[Figure]) -> str:
    """The figures as HTML."""
    template = TEMPLATES.get("insight/charts/drawing.html")
    written = template.make_module()
    return "".join(str(written.figure(one)) for one in figures)  # type: ignore[attr-defined]


@pytest.mark.parametrize("view", VIEWS)
def test_a_figure_fits_into_its_drawing(view: str) -> None:
    """In both sizes; each has a name of its own, a sentence, and a description."""
    figures = figures_of(report(view))
    assert figures
    assert len({one.name for one in figures}) == len(figures)
    for one in figures:
        assert one.heading
        assert one.about
        for drawing in filter(None, (one.wide, one.narrow)):
            check_inside(drawing)
            assert [mark for mark in drawing.marks if isinstance(mark, Text)]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("place", [0, -1])
def test_a_young_ledger_has_figures_too(view: str, place: int) -> None:
    """One row of each table is enough, also the last one, which may not be observed yet."""
    found = report(view)
    tables = tuple(replace(table, rows=(table.rows[place],)) for table in found.tables)
    for one in figures_of(replace(found, tables=tables)):
        for drawing in filter(None, (one.wide, one.narrow)):
            check_inside(drawing)


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_drawn_of_an_empty_report(view: str) -> None:
    """The page says then what was looked at."""
    assert list(figures_of(empty(view))) == []


@pytest.mark.parametrize("view", VIEWS)
def test_names_that_attack_are_only_shown(view: str) -> None:
    """Markup is escaped, controls are written out, and no style or script is inline."""
    html = rendered(list(figures_of(report(view))))
    assert HOSTILE not in html
    assert "<script" not in html
    assert "\u202e" not in html
    assert "\x1b" not in html
    assert "style=" not in html
    ids = [part.split('"')[0] for part in html.split(' id="')[1:]]
    assert len(ids) == len(set(ids))


def headings(view: str) -> list[str]:
    """What the figures of a view say."""
    return [one.heading for one in figures_of(report(view))]


def test_one_is_no_plural() -> None:
    """A customer, a spell, a day: whatever there is only one of."""
    funnel = replace(report("funnel"), asked=Asked(within=1))
    one = [("CUSTOMER", 1, Decimal(5))]
    assert any("within 1 day" in figure.heading for figure in figures_of(funnel))
    _, now = figures_of(with_rows("journeys", "now", one))
    assert now.heading == "1 customer is known now"


def test_headings_say_what_the_numbers_mean() -> None:
    """With the numbers of the tables."""
    steps, months = headings("funnel")
    assert steps == "13.7 % of prospects become customers within 30 days"
    assert months.startswith("14.6 % of the prospects of Apr 1998 became customers within 30 days")
    assert months.endswith(", after 16.0 % in Mar 1998")
    assert (
        headings("journeys")[0]
        == "Most are lost as prospects: 210 moves to lead exhausted, of 485 losses in all; "
        "65 moves bring one back"
    )
    assert headings("durations")[:3] == [
        "Prospect to lead qualified: half of them within 54 days",
        "Lead qualified to customer: a quarter of them within 33.5 days, but not half of them",
        "Customer to churned: fewer than a quarter of them churned",
    ]
    _, no_cta, tag, reviewer = headings("reviewers")
    assert no_cta == "No CTA goes with more or fewer conversions than chance explains"
    assert tag == "Approvals with edit tag CTA_DIRECT go with 6.1 points more conversions"
    assert reviewer.endswith("go with 5.5 points fewer conversions")
    assert len(HOSTILE_NAME) > len(reviewer)


def with_rows(view: str, name: str, rows: Sequence[tuple[Value, ...]]) -> Report:
    """The report of a view with other rows in one of its tables."""
    found = report(view)
    tables = [replace(one, rows=tuple(rows)) if one.name == name else one for one in found.tables]
    return replace(found, tables=tuple(tables))


def months_of(*observed: int) -> str:
    """What the heading of a funnel says whose months have so many customers, half converted."""
    rows = [
        (date(2026, place, 1), many, many, many, many // 2, 1.0, (many // 2) / many, True)
        for place, many in enumerate(observed, start=1)
    ]
    return figures_of(with_rows("funnel", "months", rows))[-1].heading


def test_the_heading_of_the_funnel_tells_of_months_with_enough_prospects() -> None:
    """One who bought is not 100 % of a month; where all months are small, it says so."""
    assert months_of(40, 60, 1) == (
        "50.0 % of the prospects of Feb 2026 became customers within 30 days, "
        "after 50.0 % in Jan 2026"
    )
    assert months_of(40, 1).endswith(
        " of the prospects of Jan 2026 became customers within 30 days"
    )
    assert months_of(2, 19, 2).startswith("Few prospects a month: 47.4 % of the prospects of Feb")


def test_the_heading_of_ctas_says_of_how_many_each_share_is() -> None:
    """Two of three are 66.7 %, and say little."""
    month = date(2026, 9, 1)
    rows = [(month, "cta", "link", 3, 2, 2 / 3), (month, "cta", "call", 1000, 500, 0.5)]
    heading = figures_of(with_rows("reviewers", "months", rows))[0].heading
    assert heading == (
        "Converted of those who first saw a CTA in Sep 2026: "
        "link 66.7 % (2 of 3), call 50.0 % (500 of 1,000)"
    )


def test_months_after_the_first_purchase_mean_the_same_in_all_pictures_of_ltv() -> None:
    """Age 5 is the sixth month: it ends after 6 months, in the line, the column and the words."""
    ages, cells, _ = figures_of(report("ltv"))
    spent = {row[:2]: f"{row[4]:.2f}" for row in report("ltv").table("cells").rows}
    assert ages.heading == (
        "After 6 months, the 300 customers who first bought in Jan 1998 had spent "
        f"{spent[date(1998, 1, 1), 5]} USD on average, the 300 of Jan 1997 "
        f"{spent[date(1997, 1, 1), 5]} USD"
    )
    assert [key.text for key in ages.keys] == [
        "Jan 1997, 300 customers",
        "Jan 1998, 300 customers",
        "other cohorts",
    ]
    assert "months after the first purchase" in texts(ages.wide)
    assert "Months after the first purchase" in texts(cells.wide)
    names = [one for one in texts(cells.wide) if one.isdigit()]
    assert names[:3] == ["1", "2", "3"]
    tips = [one.tip for one in cells.wide.marks if isinstance(one, Rect)]
    assert f"Jan 1998, after 6 months: {spent[date(1998, 1, 1), 5]} USD" in tips
    assert any(one.startswith("Jan 1997, after 1 month: ") for one in tips)


def test_the_line_of_a_cohort_begins_after_one_month() -> None:
    """The scale below is that of whole months which are over."""
    ages = figures_of(with_rows("ltv", "cells", report("ltv").table("cells").rows[:18]))[0]
    below = [one for one in texts(ages.wide) if one in {"0", "3", "6", "9", "12", "15", "18"}]
    assert below[-1] == "18"
    assert [key.text for key in ages.keys] == ["Jan 1997, 300 customers"]


def small(view: str, *many: int) -> Report:
    """A report of a view whose first cohorts have so many customers, and the others one each."""
    rows = report(view).table("cohorts").rows
    sizes = [*many, *[1] * (len(rows) - len(many))]
    return with_rows(
        view,
        "cohorts",
        [(row[0], size, *row[2:]) for row, size in zip(rows, sizes, strict=True)],
    )


def test_headings_tell_of_large_cohorts_with_their_counts() -> None:
    """Of fewer than 20 customers only where there is no larger cohort; then they say so."""
    ltv = [figures_of(small("ltv", *many))[0].heading for many in ((3, 20, 19, 25), (3, 19, 18))]
    assert ltv[0].startswith("After 6 months, the 25 customers who first bought in Apr 1997 had")
    assert ", the 20 of Feb 1997 " in ltv[0]
    assert ltv[1].startswith(
        "Cohorts are small: after 6 months, the 19 customers who first bought in Feb 1997 had"
    )
    assert "Jan 1997" not in ltv[1]
    alone = small("ltv", 3)
    one = tuple(replace(table, rows=table.rows[:1]) for table in alone.tables)
    cells = report("ltv").table("cells").rows[:4]
    both = (replace(one[0], rows=cells), one[1])
    assert figures_of(replace(alone, tables=both))[0].heading.startswith(
        "The cohort is small: after 4 months, the 3 customers who first bought in Jan 1997 had"
    )
    retention = report("cohorts").table("cells").rows
    bought = [(month, age, 8 if age else 20, share) for month, age, _, share in retention]
    larger = (
        "8 of 25 customers who first bought in Apr 1997 bought again in month 3 after the first "
        "purchase (32.0 %), 8 of 20 of Feb 1997 (40.0 %)"
    )
    largest = (
        "Cohorts are small: 8 of 16 customers who first bought in Feb 1997 bought again in month 3 "
        "after the first purchase (50.0 %)"
    )
    for many, said in [((3, 20, 19, 25), larger), ((10, 16), largest)]:
        found = small("cohorts", *many)
        tables = tuple(
            replace(each, rows=tuple(bought)) if each.name == "cells" else each
            for each in found.tables
        )
        (figure,) = figures_of(replace(found, tables=tables))
        assert figure.heading == said
        assert any("Month after the first purchase" in one for one in texts(figure.wide))


def test_two_numbers_are_only_drawn_where_they_are_two() -> None:
    """Else the figure is left out, and a caption says that they are the same."""
    assert headings("ltv")[-1] == "Purchases and the folded LTV differ in 18 of 18 cohorts"
    rows = [(*row[:3], row[2], row[4], row[4]) for row in report("ltv").table("cohorts").rows]
    found = figures_of(with_rows("ltv", "cohorts", rows))
    assert [one.name for one in found] == ["ages", "cells"]
    assert "the same number as the purchases in all cohorts" in found[-1].caption


def test_most_are_lost_where_most_are() -> None:
    """With all ways out of the status; what nobody does is no loss."""
    moves: list[tuple[Value, ...]] = [
        ("PROSPECT", "LEAD_EXHAUSTED", 1, 1, 0.5, True, False),
        ("LEAD_QUALIFIED", "CHURNED", 20, 20, 0.1, False, False),
        ("LEAD_QUALIFIED", "LEAD_EXHAUSTED", 150, 160, 0.8, False, False),
        ("CHURNED", "CUSTOMER", 1, 1, 1.0, False, True),
    ]
    assert figures_of(with_rows("journeys", "moves", moves))[0].heading == (
        "Most are lost as qualified leads: 160 moves to lead exhausted and 20 to churned, of 181 "
        "losses in all; 1 move brings one back"
    )
    moves = [("PROSPECT", "CUSTOMER", 60, 60, 0.09, True, False)]
    assert figures_of(with_rows("journeys", "moves", moves))[0].heading == (
        "None of 60 moves loses a customer or lead; no move brings one back"
    )


def test_churn_is_drawn_as_a_loss() -> None:
    """In its words and its look; the other steps have what was reached and what was lost."""
    reached, _, churned, _ = figures_of(report("durations"))
    assert [(key.text, key.look) for key in reached.keys] == [
        ("reached the next status", "line-1"),
        ("were lost before", "line-2"),
    ]
    assert [(key.text, key.look) for key in churned.keys] == [("churned", "line-2")]
    assert not churned.wide.looking("line-1")
    assert "churned" in texts(churned.wide)


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        (0.246, "In 1 week 1 purchase came; 0.2 were expected (75.4 % too few)"),
        (0.04, "In 1 week 1 purchase came; less than 0.1 were expected (96.0 % too few)"),
        (12.3, "In 1 week 1 purchase came; 12 were expected (1,130.0 % too many)"),
    ],
)
def test_a_small_expectation_has_a_decimal(expected: float, said: str) -> None:
    """0 that is too few of 1 by three quarters would be no number; and one is one."""
    weeks, *_ = figures_of(with_rows("forecast", "weeks", [(1, expected, 1)]))
    assert weeks.heading == said


def test_the_scale_of_small_differences_has_the_numbers_of_its_lines() -> None:
    """Steps of a quarter of a point are not written as 0.2, 0.5 and 0.8."""
    rows = [("tag", "CTA_SOFT", 0.0, -0.0083, 0.0061, 654, False)]
    (tag, *_) = (
        one for one in figures_of(with_rows("reviewers", "pooled", rows)) if one.name == "tag"
    )
    below = [text.replace("\N{MINUS SIGN}", "-") for text in texts(tag.wide)[:8]]
    assert below == ["-1", "-0.75", "-0.5", "-0.25", "0", "+0.25", "+0.5", "+0.75"]


def test_few_customers_are_not_compared() -> None:
    """Where each difference is one of few customers, the heading says that, and names none."""
    of_all = report("reviewers")
    pooled = of_all.table("pooled")
    small = replace(pooled, rows=tuple((*row[:-1], True) for row in pooled.rows))
    found = figures_of(replace(of_all, tables=(small, *of_all.tables[1:])))
    said = [one.heading for one in found if one.name in {"cta", "tag", "reviewer"}]
    assert said
    assert all(one.startswith("Too few customers to compare") for one in said)


def test_legends_list_what_is_drawn() -> None:
    """A young ledger has no column yet; on the desk nothing may have expired."""
    months = report("funnel").table("months").rows
    young = figures_of(with_rows("funnel", "months", months[-1:]))[1]
    assert [key.text for key in young.keys] == ["nobody observed long enough yet"]
    whole = figures_of(with_rows("funnel", "months", months[:3]))[1]
    assert [key.text for key in whole.keys] == [
        "became customers in time",
        "were qualified in time",
    ]
    days = [(*row[:4], 0, *row[5:]) for row in report("desk").table("days").rows[:5]]
    decisions = figures_of(with_rows("desk", "days", days))[0]
    assert [key.text for key in decisions.keys] == ["approved", "rejected"]


def test_the_first_day_of_a_desk_is_told_in_seconds_and_stands_in_the_middle() -> None:
    """The scale has this one day."""
    first = (date(2026, 11, 30), 12, 12, 0, 0, 0.569, 1.1, True)
    decisions, minutes = figures_of(with_rows("desk", "days", [first]))
    assert decisions.heading == "12 reviews were decided in 1 day; 0.0 % were rejected"
    assert minutes.heading == "On 30 Nov 2026, half of the decisions took up to 34 s"
    (tick,) = [one for one in minutes.wide.marks if isinstance(one, Text) and "Nov" in one.text]
    assert (tick.text, tick.anchor) == ("30 Nov", "middle")
    assert len(minutes.wide.looking("dot")) == 2
    assert minutes.wide.width * 0.3 < tick.x < minutes.wide.width * 0.7


def test_months_that_are_not_observed_are_no_zero() -> None:
    """The last one is blank with a hatch, the one before it may still change."""
    months = figures_of(report("funnel"))[1]
    assert len(months.wide.looking("not-yet")) == 1
    assert len(months.wide.looking("hatched")) == 1
    assert [key.text for key in months.keys][2:] == [
        "not all observed long enough",
        "nobody observed long enough yet",
    ]


def test_reactivations_are_named() -> None:
    """Each of them, however few they are, and with a look of its own."""
    (moves, _) = figures_of(report("journeys"))
    for drawing in filter(None, (moves.wide, moves.narrow)):
        named = [mark.text for mark in drawing.looking("on-flow") if isinstance(mark, Text)]
        assert {"reactivated, 25", "reactivated, 40"} <= set(named)
        assert len(drawing.looking("flow-back")) == 2
