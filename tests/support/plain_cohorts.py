"""Cohorts by the month of the first purchase, computed in plain Python from the purchases."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from plain_insight import PlainCustomer, day_of, whole_months


@dataclass(frozen=True)
class PlainCohort:
    """Customers who bought for the first time in the same month."""

    month: date
    members: Sequence[PlainCustomer]
    timezone: str = "UTC"

    def buyers(self, age: int) -> int:
        """How many of them bought at this age."""
        return sum(bool(list(self._ages(one, age, age))) for one in self.members)

    def spent_until(self, age: int) -> Decimal:
        """What they had spent when they were this old, and before."""
        return sum((usd for one in self.members for usd in self._ages(one, 0, age)), Decimal(0))

    def is_observed(self, age: int, last: date) -> bool:
        """Whether a member who began on any day of the month has passed this age."""
        days = [self.month + timedelta(days=n) for n in range(31)]
        return all(whole_months(day, last) > age for day in days if day.month == self.month.month)

    def _ages(self, one: PlainCustomer, low: int, high: int) -> Iterable[Decimal]:
        first = day_of(one.purchases[0].occurred_at, self.timezone)
        for purchase in one.purchases:
            age = whole_months(first, day_of(purchase.occurred_at, self.timezone))
            if low <= age <= high:
                yield purchase.usd


def plain_cohorts(customers: Iterable[PlainCustomer], timezone: str = "UTC") -> list[PlainCohort]:
    """The cohorts of those who bought, in order of time."""
    members: defaultdict[date, list[PlainCustomer]] = defaultdict(list)
    for one in customers:
        if one.purchases:
            first = day_of(one.purchases[0].occurred_at, timezone)
            members[first.replace(day=1)].append(one)
    return [PlainCohort(month, members[month], timezone) for month in sorted(members)]
