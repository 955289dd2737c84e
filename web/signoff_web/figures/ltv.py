"""Figures of LTV by cohort: what customers spent by age, and in all beside the folded LTV."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Final

from signoff_ops.insight import Report
from signoff_web.charts import words
from signoff_web.charts.heat import HeatRow, heat
from signoff_web.charts.lines import Line, lines
from signoff_web.charts.marks import Drawing, Key, Size
from signoff_web.charts.rows import Row, pairs
from signoff_web.figures.cohorts import by_cohort, row_of
from signoff_web.figures.figure import Figure, Record, day, figure, known
from signoff_web.figures.heat_keys import heat_keys

_AGE: Final = 5
"""The age of which the heading tells: at its end, 6 months are over."""
_OLD_ENOUGH: Final = 3
"""So many ages a cohort must have, to be named beside its line."""


def figures(report: Report) -> Sequence[Figure]:
    """Lines by age, the same as a heat map, and the two numbers beside each other."""
    totals = list(report.table("cohorts").records)
    cells = by_cohort(report.table("cells").records, "spent_per_customer")
    if not totals:
        return []
    found = [by_age(cells)] if any(len(ages) > 1 for ages in cells.values()) else []
    return [*found, *([_cells(totals, cells)] if cells else []), _two(totals)]


def by_age(cells: Mapping[date, Mapping[int, float]], *, is_small: bool = False) -> Figure:
    """A line for each cohort; the oldest, and the newest with three ages, are named."""
    return figure(
        "ages",
        _message(cells),
        "A line for each month of a first purchase: what its customers had spent in purchases by "
        "the end of each age, divided by how many they are. The table Spent by age has the same "
        "numbers.",
        partial(_lines, cells),
        keys=(
            Key("the oldest cohort", "line-1", "line"),
            Key("the newest one with three ages", "line-2", "line"),
            Key("other cohorts", "line-faint", "line"),
        ),
        caption="USD a customer, by whole months since the first purchase",
        is_small=is_small,
    )


def _lines(cells: Mapping[date, Mapping[int, float]], size: Size) -> Drawing:
    named = _named(cells)
    order = [*(month for month in cells if month not in named), *named]
    given = [_line(month, cells[month], named.get(month, "line-faint")) for month in order]
    return lines(size, given, words.short, across="months since the first purchase")


def _line(month: date, ages: Mapping[int, float], look: str) -> Line:
    points = tuple(sorted(ages.items()))
    said = f"{words.month(month)}: {words.usd(points[-1][1])} after {_months(int(points[-1][0]))}"
    label = "" if look == "line-faint" else words.month(month)
    return Line(
        tuple((float(age), spent) for age, spent in points),
        look,
        label,
        said,
        dots=look != "line-faint",
    )


def _named(cells: Mapping[date, Mapping[int, float]]) -> Mapping[date, str]:
    months = [month for month, ages in cells.items() if ages]
    old = [month for month in months if len(cells[month]) >= _OLD_ENOUGH] or months
    return {old[-1]: "line-2", old[0]: "line-1"}


def _message(cells: Mapping[date, Mapping[int, float]]) -> str:
    longest = max((max(ages, default=0) for ages in cells.values()), default=0)
    age = min(longest, _AGE)
    months = [month for month, ages in cells.items() if age in ages]
    said = (
        f"After {_months(age)}, a customer who first bought in {words.month(months[-1])} had spent "
        f"{words.usd(cells[months[-1]][age])}"
    )
    if len(months) == 1:
        return said
    return f"{said}, one of {words.month(months[0])} {words.usd(cells[months[0]][age])}"


def _months(age: int) -> str:
    """How long it is until an age is over."""
    return "1 month" if age == 0 else f"{age + 1} months"


def _cells(totals: Sequence[Record], cells: Mapping[date, Mapping[int, float]]) -> Figure:
    rows = [
        HeatRow(
            words.month(day(one, "cohort")),
            words.count(known(one, "customers")),
            row_of(cells.get(day(one, "cohort"), {})),
        )
        for one in totals
    ]
    names = [str(age) for age in range(max(len(row.cells) for row in rows))]
    return Figure(
        "cells",
        "What a customer has spent, by cohort and age",
        "A row for each month of a first purchase with its number of customers, a column for each "
        "age in months. A cell is what a customer had spent by the end of that age, darker where "
        "it is more. The table Spent by age has the same numbers.",
        heat(rows, names, _said, across="Whole months since the first purchase"),
        None,
        heat_keys(rows, words.usd),
        "USD a customer, all purchases up to the end of the age; left of it, the customers",
    )


def _said(value: float) -> str:
    return words.usd(value).removesuffix(" USD")


def _two(totals: Sequence[Record]) -> Figure:
    return figure(
        "totals",
        "Purchases and the folded LTV are two numbers",
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
        f"{words.count(known(one, 'customers'))} customers",
        other=folded,
        tip=f"purchases {words.usd(spent)}, folded LTV {words.usd(folded)} a customer",
    )
