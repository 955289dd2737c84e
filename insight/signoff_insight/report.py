"""What every view of the facts takes and returns.

A view is asked a question (`Asked`), and answers with a report: tables, their definition in one
sentence, and how far the data reaches. The command line, the API, CSV and the pages all show these
tables, so they show the same numbers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from signoff_schemas import EditTag, SignoffError

Value: TypeAlias = str | int | float | Decimal | date | bool | None


class InsightError(SignoffError):
    """A view cannot answer what was asked."""


class Unit(StrEnum):
    """What the values of a column are."""

    TEXT = "text"
    COUNT = "count"
    """A whole number."""
    SHARE = "share"
    """From 0 to 1; people are shown percent."""
    POINTS = "points"
    """A difference of two shares, from -1 to 1; people are shown percentage points."""
    USD = "usd"
    DAYS = "days"
    MINUTES = "minutes"
    """A length of time in minutes; people are shown seconds, minutes, hours or days."""
    MONTH = "month"
    """The first day of a month."""
    DAY = "day"
    NUMBER = "number"
    """A number without a unit, such as an expected number of purchases."""
    FLAG = "flag"
    """True or false."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    name: str
    """Its name in JSON and CSV."""
    title: str
    """What people read above it."""
    unit: Unit = Unit.COUNT


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a report; a value that is not known, or not observed yet, is None."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]

    @property
    def records(self) -> Iterator[Mapping[str, Value]]:
        """The rows, as mappings from the names of the columns."""
        names = [column.name for column in self.columns]
        return (dict(zip(names, row, strict=True)) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Asked:
    """The question: which customers, which time.

    A filter takes customers by what was known at their first approval, so it does not select by
    what came of them.
    """

    since: date | None = None
    """The first day, in the time zone of the facts."""
    until: date | None = None
    """The day after the last."""
    within: int = 30
    """Within how many days something has to happen, from 1 to 730."""
    cohort: date | None = None
    """The first day of a month."""
    reviewer: str | None = None
    tag: EditTag | None = None
    at: date | None = None
    """The day from which a forecast looks ahead: it knows what happened before its end."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the facts reach."""

    timezone: str
    data_until: datetime | None
    """When the latest event occurred that the facts hold; None without any."""
    provisional_since: date | None
    """From this day on, events that arrive late may still change the numbers."""
    rebuilt: float | None = None
    """While the facts are rebuilt: which share of the customers has been; else None."""


@dataclass(frozen=True, slots=True)
class Report:
    """The answer of a view."""

    name: str
    title: str
    definition: str
    asked: Asked
    reach: Reach
    tables: tuple[Table, ...]
    figures: Mapping[str, object] = field(default_factory=dict)
    """Single values by name, such as the parameters of a model; JSON has them at its top level."""
    warnings: tuple[str, ...] = ()
    """Why the numbers may not be used as they are; a page shows them above all."""
    notes: tuple[str, ...] = ()
    """What a reader must know to understand the numbers."""

    def table(self, name: str) -> Table:
        """One of its tables."""
        return next(table for table in self.tables if table.name == name)


def months(first: date, last: date) -> Sequence[date]:
    """The first days of the months from the month of one day to that of another."""
    count = (last.year - first.year) * 12 + last.month - first.month
    return [add_months(first.replace(day=1), number) for number in range(count + 1)]


def add_months(day: date, number: int) -> date:
    """The first day of the month so many months later."""
    years, month = divmod(day.month - 1 + number, 12)
    return date(day.year + years, month + 1, 1)
