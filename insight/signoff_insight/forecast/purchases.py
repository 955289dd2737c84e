"""Purchases by customer and day, split at a cutoff into what was known and what came after."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from signoff_insight.forecast.errors import HistoryError
from signoff_insight.forecast.history import DAYS_A_WEEK, Customers, Floats, Ints, Real, Whole


@dataclass(frozen=True, slots=True, eq=False)
class Purchases:
    """Purchases, one entry each in parallel arrays, in any order; those of one day are one day.

    `day` counts from any one day on, as `date.toordinal()` does.
    """

    customer: Ints
    day: Ints
    amount: Floats

    @classmethod
    def of(cls, customer: Whole, day: Whole, amount: Real) -> Self:
        """Check and take purchases; customers are whole numbers, and all three are equally long.

        Raises:
            HistoryError: The lists differ in length, or an amount is no finite number.
        """
        purchases = cls(
            np.asarray(customer, np.int64),
            np.asarray(day, np.int64),
            np.asarray(amount, np.float64),
        )
        if not len(purchases.customer) == len(purchases.day) == len(purchases.amount):
            raise HistoryError(
                "A purchase needs a customer, a day and an amount: the lists differ in length."
            )
        if not np.isfinite(purchases.amount).all():
            raise HistoryError("An amount is not a finite number.")
        return purchases


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What customers did after the cutoff: days with a purchase, and the amount of these days."""

    purchases: Ints
    """By customer."""
    revenue: Floats
    """By customer."""
    weekly: Ints
    """Days with a purchase of all of them together, by week from the cutoff on."""

    @classmethod
    def of(cls, purchases: Whole, revenue: Real, weekly: Whole = ()) -> Self:
        """Check and take outcomes, one a customer in the order of the `Customers` they belong to.

        `weekly` may be left out where nobody asks for weeks.

        Raises:
            HistoryError: A number of purchases is negative, or an amount is no finite number.
        """
        outcome = cls(
            np.asarray(purchases, np.int64),
            np.asarray(revenue, np.float64),
            np.asarray(weekly, np.int64),
        )
        counts = np.concatenate([outcome.purchases, outcome.weekly])
        if (counts < 0).any() or not np.isfinite(outcome.revenue).all():
            raise HistoryError("An outcome is a number of days from 0 on, and a finite amount.")
        return outcome


def split(purchases: Purchases, cutoff: int, horizon: int) -> tuple[Customers, Outcome]:
    """What was known at the end of day `cutoff`, and what came in the `horizon` weeks after it.

    Customers who bought by then for the first time, in the order of their numbers; who came later
    is in neither.
    """
    days = _days(purchases)
    known = days.day <= cutoff
    customers, at = np.unique(days.customer[known], return_inverse=True)
    day, amount = days.day[known], days.amount[known]
    # Days are sorted by customer and day: a customer's first and last are at the ends of a run.
    first = np.searchsorted(at, np.arange(len(customers)), side="left")
    last = np.searchsorted(at, np.arange(len(customers)), side="right") - 1
    amount[first] = 0
    spend = np.bincount(at, weights=amount, minlength=len(customers))
    history = Customers.of(last - first, day[last] - day[first], cutoff - day[first], spend)
    later = (
        (days.day > cutoff)
        & (days.day <= cutoff + horizon * DAYS_A_WEEK)
        & np.isin(days.customer, customers)
    )
    to = np.searchsorted(customers, days.customer[later])
    return history, Outcome.of(
        np.bincount(to, minlength=len(customers)),
        np.bincount(to, weights=days.amount[later], minlength=len(customers)),
        np.bincount((days.day[later] - cutoff - 1) // DAYS_A_WEEK, minlength=horizon),
    )


def _days(purchases: Purchases) -> Purchases:
    """One entry for all purchases of a customer's day, sorted by customer and day."""
    # Amounts are sorted too: floats added in another order differ in their last digit.
    order = np.lexsort((purchases.amount, purchases.day, purchases.customer))
    customer, day = purchases.customer[order], purchases.day[order]
    new = np.ones(len(day), bool)
    new[1:] = (customer[1:] != customer[:-1]) | (day[1:] != day[:-1])
    amount = np.bincount(np.cumsum(new) - 1, weights=purchases.amount[order]).astype(np.float64)
    return Purchases(customer[new], day[new], amount)
