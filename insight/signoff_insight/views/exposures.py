"""What approvals showed to customers who were not CUSTOMER, and how many of them converted."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.report import Asked, Reach, add_months, months
from signoff_insight.statistics.differences import Pair
from signoff_insight.views.reading import read
from signoff_insight.views.selection import DAY, begin_of, selection
from signoff_schemas import CUSTOMER_STATUSES, EDIT_TAGS

TAG: Final = "tag"
FACTORS: Final = (TAG, "reviewer", "cta")
MOST: Final = 30
"""Reviewers and CTAs that are named: those with the most exposures."""
MONTHS: Final = 36
"""Months that are counted one by one, if no first day is asked for: the latest."""
_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Count:
    """How many customers: exposed, of them observed for W days, and of these converted."""

    exposed: int = 0
    observed: int = 0
    converted: int = 0

    def add(self, exposed: int, converted: int, *, is_observed: bool) -> None:
        """Count these too."""
        self.exposed += exposed
        if is_observed:
            self.observed += exposed
            self.converted += converted


@dataclass(frozen=True, slots=True)
class _Counted:
    """A row of `exposures.sql`."""

    factor: str
    value: str | None
    tags: int
    period: int
    status: str
    exposed: int
    converted: int
    first_exposed: int
    first_converted: int

    @property
    def values(self) -> Sequence[str]:
        """What was shown."""
        if self.value is not None:
            return (self.value,)
        return [tag for place, tag in enumerate(EDIT_TAGS) if self.tags >> place & 1]


@dataclass(frozen=True, slots=True)
class _Period:
    """A month, or that part of it whose exposures were observed for W days, or were not."""

    month: date | None
    """None before the months that are counted one by one."""
    is_observed: bool


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

    def add(self, row: _Counted, period: _Period) -> None:
        """Count the exposures of a row."""
        observed = period.is_observed
        first = row.first_exposed, row.first_converted
        if row.first_exposed and row.factor == TAG:
            self.first[row.status].add(*first, is_observed=observed)
        for value in row.values:
            if row.first_exposed:
                key = row.factor, value, row.status
                self.with_value[key].add(*first, is_observed=observed)
            if period.month:
                by_month = self.by_month[period.month, row.factor, value]
                by_month.add(row.exposed, row.converted, is_observed=observed)


def exposures_of(connection: Connection[TupleRow], asked: Asked, reach: Reach) -> Exposures:
    """Count the exposures to all values."""
    found = Exposures()
    if reach.data_until is None:
        return found
    periods = _periods(asked, reach, reach.data_until)
    parameters = selection(asked, reach) | {
        "bounds": list(periods)[1:],
        "within_days": asked.within,
        "most": MOST,
    }
    numbered = list(periods.values())
    for row in read(connection, "exposures", parameters, _Counted):
        found.add(row, numbered[row.period])
    return found


def _periods(asked: Asked, reach: Reach, end: datetime) -> Mapping[datetime, _Period]:
    """The periods in order of time, by the instants at which they begin."""
    last = end.astimezone(ZoneInfo(reach.timezone)).date()
    first = asked.since or add_months(last, 1 - MONTHS)
    begins = {begin_of(month, reach.timezone): month for month in months(first, last)}
    # An exposure is observed if it was W days before the latest event, to the microsecond.
    unobserved = end - asked.within * DAY + timedelta.resolution
    periods = {_BEGINNING: _Period(None, is_observed=True)}
    month = None
    for instant in sorted({*begins, unobserved}):
        month = begins.get(instant, month)
        periods[instant] = _Period(month, is_observed=instant < unobserved)
    return periods
