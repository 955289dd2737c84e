"""Figures of reports made by hand: what they say, what they draw, and names that attack."""

from dataclasses import replace

import pytest
from drawings import check_inside
from insight_reports import HOSTILE_NAME, VIEWS, empty, report
from pages import HOSTILE

from signoff_web.charts.marks import Text
from signoff_web.figures.figure import Figure
from signoff_web.figures.of_views import figures_of
from signoff_web.templating import Templates


def rendered(figures: list[Figure]) -> str:
    """The figures as HTML."""
    template = Templates().get("insight/charts/drawing.html")
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


def test_headings_say_what_the_numbers_mean() -> None:
    """With the numbers of the tables."""
    steps, months = headings("funnel")
    assert steps == "13.7 % of prospects become customers within 30 days"
    assert months.startswith("14.6 % of the prospects of Apr 1998 became customers within 30 days")
    assert months.endswith(", after 16.0 % in Mar 1998")
    assert (
        headings("journeys")[0] == "485 of 1,228 moves lose a customer or lead; 65 bring one back"
    )
    assert headings("durations")[:3] == [
        "Prospect to lead qualified: half of them within 54.0 days",
        "Lead qualified to customer: a quarter of them within 33.5 days, but not half of them",
        "Customer to churned: fewer than a quarter of them",
    ]
    _, no_cta, tag, reviewer = headings("reviewers")
    assert no_cta == "No CTA goes with more or fewer conversions than chance explains"
    assert tag == "Approvals with edit tag CTA_DIRECT go with 6.1 points more conversions"
    assert reviewer.endswith("go with 5.5 points fewer conversions")
    assert len(HOSTILE_NAME) > len(reviewer)


def test_few_customers_are_not_compared() -> None:
    """Where each difference is one of few customers, the heading says that, and names none."""
    of_all = report("reviewers")
    pooled = of_all.table("pooled")
    small = replace(pooled, rows=tuple((*row[:-1], True) for row in pooled.rows))
    found = figures_of(replace(of_all, tables=(small, *of_all.tables[1:])))
    said = [one.heading for one in found if one.name in {"cta", "tag", "reviewer"}]
    assert said
    assert all(one.startswith("Too few customers to compare") for one in said)


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
