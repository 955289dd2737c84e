"""The tables of a report as pages show them, and how far its data reaches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from signoff_ops.insight import Column, Reach, Report, Table, Unit, Value
from signoff_ops.insight_data import OF_REVIEWS, reach_text, report_reach_text, shown
from signoff_web.pages.insight_fields import Fields

_OPEN: Final = 25
"""A table with more rows is folded up."""
_PLAIN: Final = frozenset({Unit.FLAG, Unit.MONTH, Unit.DAY})
_NOT_YET: Final = "not observed yet"
_ABSENT: Final[Mapping[str, str]] = {
    "median_days": "not reached",
    "p25_days": "not reached",
    "mean_days": "none ended",
    "median_minutes": "none decided",
    "p90_minutes": "none decided",
    "rejected_share": "none decided",
    "oldest_minutes": "none waits",
    "difference": "no comparison",
    "difference_low": "no comparison",
    "difference_high": "no comparison",
    "with_share": "none",
    "without_share": "none",
    "user_id": "not known",
    "expected_revenue_usd": "not known",
    "low": "no interval",
    "high": "no interval",
}
"""What it means that a column has no value, where it is not that it was not observed yet."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column."""

    title: str
    look: str
    """The class of its cells."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value."""

    text: str
    is_absent: bool = False
    customer: str | None = None
    """The customer to whose page it leads."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A table."""

    name: str
    title: str
    heads: Sequence[Head]
    rows: Sequence[Sequence[Cell]]
    csv: str
    is_open: bool


def tables_of(report: Report, fields: Fields) -> Sequence[Shown]:
    """The tables, in the order of the report."""
    return [_shown(table, fields) for table in report.tables]


def _shown(table: Table, fields: Fields) -> Shown:
    return Shown(
        table.name,
        table.title,
        [Head(_title(column), _look(column)) for column in table.columns],
        [
            [_cell(value, column) for value, column in zip(row, table.columns, strict=True)]
            for row in table.rows
        ],
        fields.csv(table.name),
        len(table.rows) <= _OPEN,
    )


def _title(column: Column) -> str:
    is_said = "USD" in column.title
    return f"{column.title} (USD)" if column.unit is Unit.USD and not is_said else column.title


def _look(column: Column) -> str:
    if column.unit is Unit.TEXT:
        return "in-text"
    return "in-plain" if column.unit in _PLAIN else "num"


def _cell(value: Value, column: Column) -> Cell:
    text = shown(value, column.unit)
    if text is None:
        return Cell(_ABSENT.get(column.name, _NOT_YET), is_absent=True)
    return Cell(text, customer=text if column.name == "user_id" else None)


def looked_at(view: str) -> str:
    """What a view looks at, where it finds nothing."""
    return "all reviews" if view == OF_REVIEWS else "all customer facts"


def reach_of(report: Report) -> str | None:
    """How far the data of a report reaches, in words; None where there is no data."""
    if report.name == OF_REVIEWS or report.reach.data_until:
        return report_reach_text(report)
    return None


def reach_said(reach: Reach | None) -> str | None:
    """How far customer facts reach, in words; None where there are none."""
    return reach_text(reach) if reach and reach.data_until else None
