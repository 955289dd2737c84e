"""The figure of cohort retention: a heat map."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from signoff_ops.insight import Report
from signoff_web.charts import words
from signoff_web.charts.heat import Heads, HeatRow, heat
from signoff_web.figures.cohort_sizes import sizes_of, told_of, warning_of
from signoff_web.figures.figure import Figure, Record, day, known
from signoff_web.figures.heat_keys import heat_keys

_AGE: Final = 3
"""The month after the first purchase that the heading names."""


def figures(report: Report) -> Sequence[Figure]:
    """One heat map."""
    sizes = list(report.table("cohorts").records)
    cells = by_cohort(report.table("cells").records, "share")
    if not sizes:
        return []
    rows = [
        HeatRow(
            words.month(day(one, "cohort")),
            words.count(known(one, "customers")),
            row_of(cells.get(day(one, "cohort"), {})),
        )
        for one in sizes
    ]
    ages = max((len(row.cells) for row in rows), default=0)
    heads = Heads(
        [str(age) for age in range(ages)],
        "Month after the first purchase",
        [f"in month {age} after the first purchase" for age in range(ages)],
    )
    drawing = heat(rows, heads, _said, words.percent, aside=1)
    return [
        Figure(
            "cells",
            _message(sizes_of(report), by_cohort(report.table("cells").records, "buyers")),
            "A row for each month of a first purchase with its number of customers, a column for "
            "each month after the first purchase. A cell is the share of the customers who bought "
            "in that month, darker where it is higher. The table Buyers by age has the same "
            "numbers.",
            drawing,
            None,
            heat_keys(rows, words.percent, aside=1),
            "Share of the cohort that bought in each month after the first purchase, in percent; "
            "left of it, the customers",
        )
    ]


def by_cohort(cells: Iterable[Record], value: str) -> Mapping[date, Mapping[int, float]]:
    """The values of a table of cells, by cohort and age."""
    found: dict[date, dict[int, float]] = {}
    for one in cells:
        found.setdefault(day(one, "cohort"), {})[int(known(one, "age_months"))] = known(one, value)
    return found


def row_of(ages: Mapping[int, float]) -> tuple[float | None, ...]:
    """The values from age 0 to the last one that is known."""
    return tuple(ages.get(age) for age in range(max(ages, default=-1) + 1))


def _said(share: float) -> str:
    return words.percent(share).removesuffix(" %")


def _message(sizes: Mapping[date, int], buyers: Mapping[date, Mapping[int, float]]) -> str:
    came_back = {month: max(ages) for month, ages in buyers.items() if max(ages, default=0)}
    if not came_back:
        return "No cohort is old enough to see who came back"
    told = told_of(list(came_back), sizes)
    age = min(max(came_back[month] for month in told), _AGE)
    told = [month for month in told if came_back[month] >= age]
    first, last = told[0], told[-1]
    bought, of_all = buyers[last].get(age, 0), sizes[last]
    said = (
        f"{words.count(bought)} of {words.count(of_all)} customers who first bought in "
        f"{words.month(last)} bought again in month {age} after the first purchase "
        f"({words.percent(bought / of_all)})"
    )
    if first != last:
        bought, of_all = buyers[first].get(age, 0), sizes[first]
        said += (
            f", {words.count(bought)} of {words.count(of_all)} of {words.month(first)} "
            f"({words.percent(bought / of_all)})"
        )
    return f"{warning_of(told, sizes, len(buyers))}{said}"
