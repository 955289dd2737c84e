"""The figure of cohort retention: a heat map."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from signoff_ops.insight import Report
from signoff_web.charts import words
from signoff_web.charts.heat import HeatRow, heat
from signoff_web.figures.figure import Figure, Record, day, known
from signoff_web.figures.heat_keys import heat_keys

_AGES: Final = 3
"""The age, in months, of which the heading tells."""


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
    names = [str(age) for age in range(ages)]
    drawing = heat(rows, names, _said, across="Whole months since the first purchase", aside=1)
    return [
        Figure(
            "cells",
            _message(sizes, cells),
            "A row for each month of a first purchase with its number of customers, a column for "
            "each age in months. A cell is the share of the customers who bought at that age, "
            "darker where it is higher. The table Buyers by age has the same numbers.",
            drawing,
            None,
            heat_keys(rows, words.percent, aside=1),
            "Share of the cohort that bought at each age, in percent; left of it, the customers",
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


def _message(sizes: Sequence[Record], cells: Mapping[date, Mapping[int, float]]) -> str:
    months = [day(one, "cohort") for one in sizes]
    age = max((max(cells.get(month, {}), default=0) for month in months), default=0)
    age = min(age, _AGES)
    known_ones = [month for month in months if age in cells.get(month, {})]
    if not age or not known_ones:
        return "No cohort is old enough to see who came back"
    first, last = known_ones[0], known_ones[-1]
    after = "1 month" if age == 1 else f"{age} months"
    said = (
        f"{words.percent(cells[last][age])} of the cohort of {words.month(last)} bought again at "
        f"the age of {after}"
    )
    if first == last:
        return said
    return f"{said}, of that of {words.month(first)} {words.percent(cells[first][age])}"
