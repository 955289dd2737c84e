"""What approvals showed to customers who were not CUSTOMER, and how many of them converted."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.report import Asked, Reach, add_months, months
from signoff_insight.statistics.differences import Pair
from signoff_insight.views.reading import read
from signoff_insight.views.selection import begin_of, last_day, selection
from signoff_schemas import CUSTOMER_STATUSES, EDIT_TAGS

TAG: Final = "tag"
FACTORS: Final = (TAG, "reviewer", "cta")
MOST: Final = 30
"""Reviewers and CTAs that are named: those with the most exposures."""
MONTHS: Final = 36
"""Months that are counted one by one, if no first day is asked for: the latest."""


@dataclass(slots=True)
class Count:
    """How many customers: exposed, of them observed for W days, and of these converted."""

    exposed: int = 0
    observed: int = 0
    converted: int = 0

    def add(self, other: "_Counted") -> None:
        """Count these too."""
        self.exposed += other.exposed
        self.observed += other.observed
        self.converted += other.converted


@dataclass(frozen=True, slots=True)
class _Counted:
    """A row of `exposures.sql`."""

    value: str | None
    month: int
    status: str
    is_first: bool
    exposed: int
    observed: int
    converted: int


@dataclass(frozen=True, slots=True)
class Exposures:
    """The exposures to the values of a factor."""

    first: defaultdict[str, Count] = field(default_factory=lambda: defaultdict(Count))
    """First approvals in each status, whatever they showed."""
    with_value: defaultdict[tuple[str, str], Count] = field(
        default_factory=lambda: defaultdict(Count)
    )
    """Those of them that showed a value, by value and status."""
    by_month: defaultdict[tuple[date, str], Count] = field(
        default_factory=lambda: defaultdict(Count)
    )
    """The first exposures to a value of each customer in each status, by month and value."""
    values: set[str] = field(default_factory=set)

    def strata(self, value: str) -> Iterator[tuple[str, Pair]]:
        """First approvals with this value and without it, in each status that has any with it."""
        for status in CUSTOMER_STATUSES:
            if found := self.with_value.get((value, status)):
                in_all = self.first[status]
                without = in_all.observed - found.observed
                converted = in_all.converted - found.converted
                yield status, Pair(found.observed, found.converted, without, converted)


def exposures_of(
    connection: Connection[TupleRow], factor: str, asked: Asked, reach: Reach
) -> Exposures:
    """Count the exposures to the values of a factor."""
    begins = _months(asked, reach)
    parameters = selection(asked, reach) | {
        "factor": factor,
        "months": list(begins),
        "within_days": asked.within,
        "most": None if factor == TAG else MOST,
    }
    found = Exposures()
    for row in read(connection, "exposures", parameters, _Counted):
        if row.is_first:
            found.first[row.status].add(row)
        month = list(begins.values())[row.month - 1] if row.month else None
        for value in _values(factor, row.value):
            _count(found, value, month, row)
    return found


def _count(found: Exposures, value: str, month: date | None, row: _Counted) -> None:
    found.values.add(value)
    if row.is_first:
        found.with_value[value, row.status].add(row)
    if month:
        found.by_month[month, value].add(row)


def _months(asked: Asked, reach: Reach) -> Mapping[datetime, date]:
    """The months that are counted one by one, by the instant at which they begin."""
    last = last_day(reach)
    if last is None:
        return {}
    first = asked.since or add_months(last, 1 - MONTHS)
    return {begin_of(month, reach.timezone): month for month in months(first, last)}


def _values(factor: str, value: str | None) -> Sequence[str]:
    """The values in a row: tags stand in it as bits."""
    if value is None:
        return ()
    if factor != TAG:
        return (value,)
    bits = int(value)
    return [tag for place, tag in enumerate(EDIT_TAGS) if bits >> place & 1]
