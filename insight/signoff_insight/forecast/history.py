"""What a forecast reads: when each customer bought, in days, and what was spent.

Days with a purchase are counted: several purchases of one day are one. The first day starts a
customer's time and is not counted itself. The names are those of the literature (Fader, Hardie and
Lee 2005):

| name | meaning |
|---|---|
| x | days with a purchase after the first day |
| t_x | days from the first day to the last day with a purchase; 0 where x = 0 |
| age, T | days from the first day to the cutoff, which is the last day that counts |
| spend | amount of those x days together |

Amounts are floats here and only here: what comes out is an estimate, not money.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from signoff_insight.forecast.errors import HistoryError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Whole = Sequence[int] | npt.NDArray[np.integer]
Real = Sequence[float] | npt.NDArray[np.floating] | npt.NDArray[np.integer]

DAYS_A_WEEK: Final = 7
NO_SPEND: Final = 1e-6
"""An amount of at most this is nothing: no currency has so small a coin."""
MAX_AGE: Final = 100_000
"""Days that a customer can be old: with it three numbers fit in one sortable key of 64 bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Customers:
    """Histories, one entry a customer in each of the parallel arrays."""

    x: Ints
    t_x: Ints
    age: Ints
    spend: Floats

    @classmethod
    def of(cls, x: Whole, t_x: Whole, age: Whole, spend: Real) -> Self:
        """Check and take histories; all four are equally long.

        Raises:
            HistoryError: A history contradicts itself, or an amount is no finite number.
        """
        customers = cls(_whole(x), _whole(t_x), _whole(age), _real(spend))
        _check_histories(customers.x, customers.t_x, customers.age, len(customers.spend))
        return customers

    @classmethod
    def read(cls, rows: Iterable[tuple[int, int, int, float | Decimal]]) -> Self:
        """Take rows of x, t_x, age and spend one by one, so that a million need no list.

        Raises:
            HistoryError: A history contradicts itself, or an amount is no finite number.
        """
        columns = [("x", np.int64), ("t_x", np.int64), ("age", np.int64), ("spend", np.float64)]
        table = np.fromiter(rows, np.dtype(columns))
        return cls.of(table["x"], table["t_x"], table["age"], table["spend"])

    def __len__(self) -> int:
        return len(self.x)

    def history(self) -> "History":
        """When they bought, grouped."""
        return History.of(self.x, self.t_x, self.age)

    def spends(self) -> "Spends":
        """What they spent, grouped."""
        return Spends.of(self.x, self.spend)


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """How many customers have each history: parallel arrays, sorted, no history twice."""

    x: Ints
    t_x: Ints
    age: Ints
    customers: Ints

    @classmethod
    def of(cls, x: Whole, t_x: Whole, age: Whole, customers: Whole | None = None) -> Self:
        """Group histories; `customers` counts who has each, one where it is left out.

        Raises:
            HistoryError: A history contradicts itself, or a count is negative.
        """
        xs, last, ages = _whole(x), _whole(t_x), _whole(age)
        counts = np.ones(len(xs), np.int64) if customers is None else _whole(customers)
        _check_histories(xs, last, ages, len(counts))
        _check_counts(counts)
        # x and t_x are never above the age: one number holds all three, in their order.
        size = int(ages.max(initial=0)) + 1
        keys, group = np.unique((xs * size + last) * size + ages, return_inverse=True)
        grouped = _add_up(group, counts, len(keys))
        rest, ages = np.divmod(keys, size)
        xs, last = np.divmod(rest, size)
        return cls(xs, last, ages, grouped)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def total(self) -> int:
        """How many customers there are."""
        return int(self.customers.sum())

    @property
    def repeat_buyers(self) -> int:
        """How many of them bought on two days or more."""
        return int(self.customers[self.x > 0].sum())


@dataclass(frozen=True, slots=True, eq=False)
class Spends:
    """How many customers spent `spend` on `x` days: parallel arrays, sorted, no pair twice.

    Both are above 0.
    """

    x: Ints
    spend: Floats
    customers: Ints

    @classmethod
    def of(cls, x: Whole, spend: Real, customers: Whole | None = None) -> Self:
        """Group what customers spent after their first day.

        Who never came back, and who spent nothing or less (gifts, returns), is left out: the spend
        model knows positive amounts only.

        Raises:
            HistoryError: A count is negative, or an amount is no finite number.
        """
        xs, amounts = _whole(x), _real(spend)
        counts = np.ones(len(xs), np.int64) if customers is None else _whole(customers)
        if not len(xs) == len(amounts) == len(counts):
            raise HistoryError(
                "A spend needs x, an amount and a count: the lists differ in length."
            )
        _check_counts(xs)
        _check_counts(counts)
        spent = (xs > 0) & (amounts > NO_SPEND)
        xs, amounts, counts = xs[spent], amounts[spent], counts[spent]
        order = np.lexsort((amounts, xs))
        xs, amounts, counts = xs[order], amounts[order], counts[order]
        new = np.ones(len(xs), bool)
        new[1:] = (xs[1:] != xs[:-1]) | (amounts[1:] != amounts[:-1])
        grouped = _add_up(np.cumsum(new) - 1, counts, int(new.sum()))
        return cls(xs[new], amounts[new], grouped)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def total(self) -> int:
        """How many customers there are."""
        return int(self.customers.sum())


def weeks(days: Ints) -> Floats:
    """Days as weeks, the unit of all parameters."""
    return days / DAYS_A_WEEK


def _whole(values: Whole) -> Ints:
    return np.asarray(values, dtype=np.int64)


def _real(values: Real) -> Floats:
    found = np.asarray(values, dtype=np.float64)
    if not np.isfinite(found).all():
        raise HistoryError("An amount is not a finite number.")
    return found


def _add_up(group: Ints, counts: Ints, groups: int) -> Ints:
    """The sum of the counts of each group."""
    sums = np.zeros(groups, np.int64)
    np.add.at(sums, group, counts)
    return sums


def _check_counts(counts: Ints) -> None:
    if len(counts) and counts.min() < 0:
        raise HistoryError(f"A count is 0 or more, not {counts.min()}.")


def _check_histories(x: Ints, t_x: Ints, age: Ints, length: int) -> None:
    if not len(x) == len(t_x) == len(age) == length:
        raise HistoryError(
            "A history needs x, t_x, age and one more number: the lists differ in length."
        )
    wrong = (x < 0) | (t_x < x) | (age < t_x) | (age > MAX_AGE) | ((x == 0) & (t_x > 0))
    if wrong.any():
        at = int(np.argmax(wrong))
        raise HistoryError(
            f"A history has 0 <= x <= t_x <= age <= {MAX_AGE} in days, and t_x = 0 where x = 0; "
            f"found x {x[at]}, t_x {t_x[at]}, age {age[at]}."
        )
