"""Figures of the forecast: what was expected and what came, over time and by frequency."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from signoff_ops.insight import Report
from signoff_schemas.wording import count
from signoff_web.charts import words
from signoff_web.charts.lines import Line, lines
from signoff_web.charts.marks import Drawing, Key, Size
from signoff_web.charts.rows import Row, pairs
from signoff_web.figures.figure import Figure, Record, figure, known, real, text

_PAIR: Final = (
    Key("what came", "fill-1", "dot"),
    Key("what the model expected", "fill-2", "diamond"),
)


def figures(report: Report) -> Sequence[Figure]:
    """The backtest over time, then the calibration by frequency of purchases."""
    weeks, bands = list(report.table("weeks").records), list(report.table("bands").records)
    found = [weeks_figure(weeks)] if weeks else []
    return [*found, *(_calibrations(bands) if bands else [])]


def weeks_figure(weeks: Sequence[Record], *, is_small: bool = False) -> Figure:
    """Purchases up to each week of the backtest, expected and actual."""
    return figure(
        "weeks",
        _message(weeks),
        "By weeks of the backtest: all purchases up to then as a full line, and those that the "
        "model expected, dashed. The table of weeks has the same numbers.",
        partial(_lines, weeks),
        keys=(
            Key("what came", "line-1", "line"),
            Key("what the model expected", "line-2", "line"),
        ),
        caption="The model knew only what happened before these weeks; all purchases since then",
        is_small=is_small,
    )


def _message(weeks: Sequence[Record]) -> str:
    last = weeks[-1]
    actual, expected = known(last, "actual_purchases"), known(last, "expected_purchases")
    said = (
        f"In {count(round(known(last, 'week')), 'week')} {count(round(actual), 'purchase')} came; "
        f"{words.expected(expected)} were expected"
    )
    if not actual:
        return said
    return f"{said} ({words.off((expected - actual) / actual, 'too many', 'too few')})"


def _lines(weeks: Sequence[Record], size: Size) -> Drawing:
    given = [
        Line(((0.0, 0.0), *((known(one, "week"), known(one, name)) for one in weeks)), look, label)
        for name, look, label in (
            ("expected_purchases", "line-2", "expected"),
            ("actual_purchases", "line-1", "came"),
        )
    ]
    return lines(size, given, words.short, across="weeks")


def _calibrations(bands: Sequence[Record]) -> Sequence[Figure]:
    about = (
        "A row for each band of earlier purchases: a dot for what came, a diamond for what the "
        "model expected. The table of bands has the same numbers."
    )
    return [
        figure(
            "mean",
            "Purchases a customer, by how often they bought before",
            about,
            lambda size: pairs(
                size,
                [_pair(one, "actual_mean", "predicted_mean", words.number) for one in bands],
                words.short,
            ),
            keys=_PAIR,
            caption="In the weeks of the backtest; rows are days with a purchase after the first",
            is_small=True,
        ),
        figure(
            "returned",
            "Share that came back, by how often they bought before",
            about,
            lambda size: pairs(
                size,
                [_pair(one, "returned_share", "predicted_return", words.percent) for one in bands],
                words.short_percent,
            ),
            keys=_PAIR,
            caption="In the weeks of the backtest; rows are days with a purchase after the first",
            is_small=True,
        ),
    ]


def _pair(one: Record, actual: str, expected: str, say: Callable[[float], str]) -> Row:
    came, predicted = real(one, actual), real(one, expected)
    said = " / ".join("?" if value is None else say(value) for value in (came, predicted))
    return Row(
        text(one, "band"),
        came,
        said,
        words.counted(known(one, "customers"), "customer"),
        other=predicted,
        tip=f"came / expected: {said}",
    )
