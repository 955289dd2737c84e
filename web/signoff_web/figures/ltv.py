"""Figures of LTV by cohort: what customers spent by age, and in all beside the folded LTV."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Final

from signoff_ops.insight import Report
from signoff_web.charts import words
from signoff_web.charts.heat import Heads, HeatRow, heat, highest_of
from signoff_web.charts.lines import Line, lines
from signoff_web.charts.marks import Drawing, Key, Size
from signoff_web.charts.rows import Row, pairs
from signoff_web.figures.cohort_sizes import sizes_of, told_of, warning_of
from signoff_web.figures.cohorts import by_cohort, row_of
from signoff_web.figures.figure import Figure, Record, day, figure, known
from signoff_web.figures.heat_keys import heat_keys

_MONTHS: Final = 6
"""The heading tells what was spent when so many months were over."""
_SAME: Final = ". The folded LTV is the same number as the purchases in all cohorts"
_WHOLE_FROM: Final = 100
"""Where cells go beyond so many USD, all of them are written without cents."""


def figures(report: Report) -> Sequence[Figure]:
    """Lines by months, the same as a heat map, and the folded LTV where it is another number."""
    totals = list(report.table("cohorts").records)
    cells = by_cohort(report.table("cells").records, "spent_per_customer")
    if not totals:
        return []
    has_lines = any(len(ages) > 1 for ages in cells.values())
    differing = [one for one in totals if _differs(one)]
    return [
        *([by_age(cells, sizes_of(report))] if has_lines else []),
        *([_cells(totals, cells, is_ltv=not differing)] if cells else []),
        *([_two(totals, len(differing))] if differing or not cells else []),
    ]


def _differs(one: Record) -> bool:
    return one["purchases_usd"] != one["folded_ltv_usd"]


def by_age(
    cells: Mapping[date, Mapping[int, float]],
    sizes: Mapping[date, int],
    *,
    is_small: bool = False,
) -> Figure:
    """A line for each cohort; those in the heading are named.

    Args:
        cells: what a customer had spent by the end of each age, by cohort.
        sizes: the customers of the cohorts.
        is_small: whether it stands beside others.
    """
    told, _ = _told(cells, sizes)
    named = {told[0]: "line-1"} if told[0] == told[-1] else {told[-1]: "line-2", told[0]: "line-1"}
    return figure(
        "ages",
        _message(cells, sizes),
        "A line for each month of a first purchase: what its customers had spent in purchases "
        "after each month, divided by how many they are. The table Spent by age has the same "
        "numbers; its age 0 is the first month.",
        partial(_lines, cells, named),
        keys=_keys(named, sizes, has_others=len(cells) > len(named)),
        caption="USD a customer, by months after the first purchase",
        is_small=is_small,
    )


def _keys(
    named: Mapping[date, str], sizes: Mapping[date, int], *, has_others: bool
) -> tuple[Key, ...]:
    return (
        *(Key(_named(month, sizes), look, "line") for month, look in sorted(named.items())),
        *([Key("other cohorts", "line-faint", "line")] if has_others else []),
    )


def _named(month: date, sizes: Mapping[date, int]) -> str:
    return f"{words.month(month)}, {words.counted(sizes[month], 'customer')}"


def _lines(
    cells: Mapping[date, Mapping[int, float]], named: Mapping[date, str], size: Size
) -> Drawing:
    order = [*(month for month in cells if month not in named), *named]
    given = [_line(month, cells[month], named.get(month, "line-faint")) for month in order]
    return lines(size, given, words.short, across="months after the first purchase")


def _line(month: date, ages: Mapping[int, float], look: str) -> Line:
    points = tuple(sorted(ages.items()))
    said = f"{words.month(month)}: {words.usd(points[-1][1])} after {_months(int(points[-1][0]))}"
    label = "" if look == "line-faint" else words.month(month)
    return Line(
        tuple((age + 1.0, spent) for age, spent in points),
        look,
        label,
        said,
        dots=look != "line-faint",
    )


def _told(
    cells: Mapping[date, Mapping[int, float]], sizes: Mapping[date, int]
) -> tuple[Sequence[date], int]:
    """The cohorts in the heading, and their age."""
    months = told_of([month for month, ages in cells.items() if ages], sizes)
    age = min(max(max(cells[month]) for month in months), _MONTHS - 1)
    return [month for month in months if age in cells[month]], age


def _message(cells: Mapping[date, Mapping[int, float]], sizes: Mapping[date, int]) -> str:
    told, age = _told(cells, sizes)
    first, last = told[0], told[-1]
    small = warning_of(told, sizes, len(cells))
    said = (
        f"{small}{'after' if small else 'After'} {_months(age)}, the "
        f"{words.counted(sizes[last], 'customer')} who first bought in "
        f"{words.month(last)} had spent {words.usd(cells[last][age])} on average"
    )
    if first == last:
        return said
    return (
        f"{said}, the {words.count(sizes[first])} of {words.month(first)} "
        f"{words.usd(cells[first][age])}"
    )


def _months(age: int) -> str:
    """How long it is until an age is over."""
    return "1 month" if age == 0 else f"{age + 1} months"


def _cells(
    totals: Sequence[Record], cells: Mapping[date, Mapping[int, float]], *, is_ltv: bool
) -> Figure:
    rows = [
        HeatRow(
            words.month(day(one, "cohort")),
            words.count(known(one, "customers")),
            row_of(cells.get(day(one, "cohort"), {})),
        )
        for one in totals
    ]
    ages = max(len(row.cells) for row in rows)
    heads = Heads(
        [str(age + 1) for age in range(ages)],
        "Months after the first purchase",
        [f"after {_months(age)}" for age in range(ages)],
    )
    is_whole = highest_of(rows) >= _WHOLE_FROM
    return Figure(
        "cells",
        "What a customer has spent, by cohort and months after the first purchase",
        "A row for each month of a first purchase with its number of customers, a column for each "
        "month after it. A cell is what a customer had spent when that month was over, darker "
        "where it is more. The table Spent by age has the same numbers; its age 0 is the first "
        "month.",
        heat(rows, heads, words.count if is_whole else _said, words.usd),
        None,
        heat_keys(rows, words.usd),
        f"{'Whole USD' if is_whole else 'USD'} a customer, all purchases until then; left of it, "
        f"the customers{_SAME if is_ltv else ''}",
    )


def _said(value: float) -> str:
    return words.usd(value).removesuffix(" USD")


def _two(totals: Sequence[Record], differing: int) -> Figure:
    cohorts = "1 cohort" if len(totals) == 1 else f"{words.count(len(totals))} cohorts"
    return figure(
        "totals",
        f"Purchases and the folded LTV differ in {words.count(differing) if differing else 'none'} "
        f"of {cohorts}",
        "A row for each month of a first purchase: a dot for the purchases of a customer until "
        "now, a diamond for the folded LTV of a customer. The table In all has the same numbers.",
        lambda size: pairs(size, [_pair(one) for one in totals], words.short),
        keys=(
            Key("purchases a customer until now", "fill-1", "dot"),
            Key("folded LTV a customer", "fill-2", "diamond"),
        ),
        caption="USD a customer, by the month of the first purchase",
    )


def _pair(one: Record) -> Row:
    spent, folded = (
        known(one, name) for name in ("purchases_usd_per_customer", "folded_ltv_usd_per_customer")
    )
    return Row(
        words.month(day(one, "cohort")),
        spent,
        f"{_said(spent)} / {_said(folded)}",
        words.counted(known(one, "customers"), "customer"),
        other=folded,
        tip=f"purchases {words.usd(spent)}, folded LTV {words.usd(folded)} a customer",
    )
