"""Cohorts by the month of the first purchase, and what they did at each age.

A customer's age is the number of whole months since the day of its first purchase: who began on
15 March is 0 months old until 14 April. At age m all customers of a cohort were observed if its
last day, the youngest that a member can be, is at least m + 1 whole months before the latest day.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.report import Asked, Reach, add_months
from signoff_insight.views.reading import read
from signoff_insight.views.selection import last_day, selection

WHO: Final = (
    "A customer belongs to the month of its first purchase; ages are whole months since that day,"
    " so age 0 lasts until the day before the same day of the next month. Ages of ten years and"
    " more are not shown. The dates asked for"
    " select cohorts by their first day; a reviewer or a tag is that of the customer's first"
    " approval."
)
_MOST_AGES: Final = 120
"""Ages that are shown; one event with a wrong clock would make thousands."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """Customers who bought for the first time in the same month."""

    month: date
    buyers: Mapping[int, int] = field(default_factory=dict)
    """How many of them bought at each age; ages at which nobody did may be missing."""
    spent_usd: Mapping[int, Decimal] = field(default_factory=dict)
    """What they spent at each age."""

    @property
    def customers(self) -> int:
        """How many they are: each bought at age 0."""
        return self.buyers.get(0, 0)

    @property
    def last_day(self) -> date:
        """The last day on which a member may have begun."""
        return add_months(self.month, 1) - timedelta(days=1)

    def observed_ages(self, reach: Reach) -> range:
        """The ages at which all members were observed until the end."""
        last = last_day(reach)
        months = whole_months(self.last_day, last) if last else 0
        return range(min(max(months, 0), _MOST_AGES))

    def is_provisional(self, reach: Reach) -> bool:
        """Whether its newest observed age ends on days that late events may still change."""
        since = reach.provisional_since
        return since is not None and len(self.observed_ages(reach)) > max(
            whole_months(self.last_day, since), 0
        )


@dataclass(frozen=True, slots=True)
class _Cell:
    """A row of `purchases_by_age.sql`."""

    month: date
    age_months: int
    buyers: int
    spent_usd: Decimal


def cohorts_of(connection: Connection[TupleRow], asked: Asked, reach: Reach) -> Sequence[Cohort]:
    """The cohorts that were asked for, in order of time."""
    buyers: defaultdict[date, dict[int, int]] = defaultdict(dict)
    spent: defaultdict[date, dict[int, Decimal]] = defaultdict(dict)
    for cell in read(connection, "purchases_by_age", filters(asked, reach), _Cell):
        buyers[cell.month][cell.age_months] = cell.buyers
        spent[cell.month][cell.age_months] = cell.spent_usd
    return [Cohort(month, buyers[month], spent[month]) for month in sorted(buyers)]


def filters(asked: Asked, reach: Reach) -> dict[str, object]:
    """The parameters of statements that select cohorts by their month.

    `selection` knows only cohorts by the first event: it is not given this one.
    """
    return selection(replace(asked, cohort=None), reach) | {
        "cohort": asked.cohort,
        "since_day": asked.since,
        "until_day": asked.until,
    }


def notes_of(cohorts: Sequence[Cohort], reach: Reach) -> tuple[str, ...]:
    """Which cohorts are not complete, and which cells may still change."""
    last = last_day(reach)
    found = [WHO]
    if last and (open_ones := [one for one in cohorts if one.last_day >= last]):
        months = ", ".join(f"{one.month:%Y-%m}" for one in open_ones)
        found.append(f"Customers may still join cohort {months}: the data ends on {last}.")
    if any(one.is_provisional(reach) for one in cohorts):
        found.append(
            f"Events of the days from {reach.provisional_since} on may still arrive: the newest"
            " cells that hold such days are provisional."
        )
    return tuple(found)


def whole_months(since: date, until: date) -> int:
    """Whole months from one day to another, as `facts/folding.py` counts them."""
    months = (until.year - since.year) * 12 + until.month - since.month
    return months - (until.day < since.day)
