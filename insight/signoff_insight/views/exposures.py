"""What approvals showed to customers who were not CUSTOMER, and how many of them converted."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.report import Asked, Reach, add_months
from signoff_insight.statistics.differences import Pair
from signoff_insight.views.reading import read
from signoff_insight.views.selection import selection, tags_of
from signoff_schemas import CUSTOMER_STATUSES

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

    def add(self, row: "_Counted") -> None:
        """Count these too."""
        self.exposed += row.exposed
        self.observed += row.observed
        self.converted += row.converted


class _Counted(NamedTuple):
    """A row of `exposures.sql`: thousands of frozen dataclasses take three times as long."""

    factor: str
    value: str | None
    tags: int
    month: date
    status: str
    is_first: bool
    exposed: int
    observed: int
    converted: int

    @property
    def values(self) -> Sequence[str]:
        """What was shown."""
        return tags_of(self.tags) if self.value is None else (self.value,)


class Exposures:
    """The exposures to the values of all factors."""

    def __init__(self) -> None:
        """None, until rows are added."""
        self.first: defaultdict[str, Count] = defaultdict(Count)
        """First approvals in each status, whatever they showed."""
        self.with_value: defaultdict[tuple[str, str, str], Count] = defaultdict(Count)
        """Those of them that showed a value, by factor, value and status."""
        self.by_month: defaultdict[tuple[date, str, str], Count] = defaultdict(Count)
        """First exposures to a value of each customer in each status, by month, factor, value."""

    @property
    def values(self) -> Iterator[tuple[str, str]]:
        """The values that were shown, in the order of factors and values."""
        found = {(factor, value) for factor, value, _ in self.with_value}
        found |= {(factor, value) for _, factor, value in self.by_month}
        yield from sorted(found, key=lambda one: (FACTORS.index(one[0]), one[1]))

    def strata(self, factor: str, value: str) -> Iterator[tuple[str, Pair]]:
        """First approvals with this value and without it, in each status that has any with it."""
        for status in CUSTOMER_STATUSES:
            if found := self.with_value.get((factor, value, status)):
                in_all = self.first[status]
                without = in_all.observed - found.observed
                converted = in_all.converted - found.converted
                yield status, Pair(found.observed, found.converted, without, converted)

    def counts(self, row: _Counted, first_month: date) -> Iterator[Count]:
        """The counts to which the exposures of a row belong."""
        if row.is_first and row.factor == TAG:
            yield self.first[row.status]
        for value in row.values:
            if row.is_first:
                yield self.with_value[row.factor, value, row.status]
            if row.month >= first_month:
                yield self.by_month[row.month, row.factor, value]


def exposures_of(connection: Connection[TupleRow], asked: Asked, reach: Reach) -> Exposures:
    """Count the exposures to all values."""
    found = Exposures()
    if reach.data_until is None:
        return found
    first_month = _first_month(asked, reach, reach.data_until)
    parameters = selection(asked, reach) | {"within_days": asked.within, "most": MOST}
    for row in read(connection, "exposures", parameters, _Counted):
        for count in found.counts(row, first_month):
            count.add(row)
    return found


def _first_month(asked: Asked, reach: Reach, end: datetime) -> date:
    """The first of the months that are counted one by one."""
    if asked.since:
        return asked.since.replace(day=1)
    return add_months(end.astimezone(ZoneInfo(reach.timezone)).date(), 1 - MONTHS)
