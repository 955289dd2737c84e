"""Figures of reviewers, tags and CTAs: differences of conversion, with their intervals."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from signoff_ops.insight import Report
from signoff_web.charts import words
from signoff_web.charts.marks import Drawing, Size
from signoff_web.charts.rows import Row, intervals
from signoff_web.figures.figure import Figure, Record, figure, known, real, text

_FACTORS: Final = {"cta": "CTA", "tag": "edit tag", "reviewer": "reviewer"}
_MOST: Final = 12
"""Values of a factor that are drawn: those with the most customers."""


def figures(report: Report) -> Sequence[Figure]:
    """One for each factor."""
    pooled = list(report.table("pooled").records)
    found = []
    for factor, name in _FACTORS.items():
        rows = [one for one in pooled if one["factor"] == factor]
        if rows:
            found.append(_factor(report, factor, name, rows))
    return found


def _factor(report: Report, factor: str, name: str, rows: Sequence[Record]) -> Figure:
    most = sorted(rows, key=lambda one: -known(one, "n"))[:_MOST]
    shown = sorted(most, key=lambda one: -(real(one, "difference") or 0.0))
    cut = f"; the {_MOST} with the most customers of {len(rows)}" if len(rows) > _MOST else ""
    return figure(
        factor,
        _message(name, rows),
        f"A row for each {name}: a dot for the difference of the share of customers who converted "
        "with and without it, and a line for its 95 % interval. A line that crosses 0 may be "
        "chance. The table Pooled has the same numbers.",
        partial(_intervals, shown),
        caption=f"Difference of conversion within {report.asked.within} days with and without it, "
        f"in percentage points, over strata of status{cut}. An association, not an effect.",
    )


def _message(name: str, rows: Sequence[Record]) -> str:
    """The clearest difference; many are compared, so one of them may be chance."""
    clear = [one for one in rows if _is_clear(one)]
    if not clear:
        return f"No {name} goes with more or fewer conversions than chance explains"
    first = max(clear, key=lambda one: abs(known(one, "difference")))
    difference = known(first, "difference")
    more = "more" if difference > 0 else "fewer"
    value = words.cut(text(first, "value"), 40, 1)
    return (
        f"Approvals with {name} {value} go with {words.points(abs(difference))[1:]} "
        f"{more} conversions"
    )


def _is_clear(one: Record) -> bool:
    low, high = real(one, "difference_low"), real(one, "difference_high")
    return low is not None and high is not None and (low > 0 or high < 0)


def _intervals(rows: Sequence[Record], size: Size) -> Drawing:
    return intervals(size, [_row(one) for one in rows], _points)


def _points(value: float) -> str:
    return words.points(value).removesuffix(" points").removesuffix(".0")


def _row(one: Record) -> Row:
    difference = real(one, "difference")
    low, high = real(one, "difference_low"), real(one, "difference_high")
    note = f"{words.count(known(one, 'n'))} customers"
    if difference is None:
        return Row(text(one, "value"), None, "no comparison", note)
    said = words.points(difference).removesuffix(" points")
    tip = f"{text(one, 'value')}: {words.points(difference)}"
    if low is not None and high is not None:
        tip += f", from {words.points(low)} to {words.points(high)}"
    look = "1" if _is_clear(one) else "3"
    return Row(text(one, "value"), difference, said, note, low, high, look=look, tip=tip)
