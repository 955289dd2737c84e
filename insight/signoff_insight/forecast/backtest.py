"""How wrong the forecast would have been: fitted before a cutoff, compared with what came after.

Errors of purchases and revenue, and calibration: what groups of customers were expected to do
beside what they did. The known weakness of the model stands by itself: frequent buyers who are
silent for long. The model concludes that they have left, and many come back.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from signoff_insight.forecast.errors import HistoryError
from signoff_insight.forecast.history import Customers, Floats, Ints, weeks
from signoff_insight.forecast.model import Model, Prediction, fit_customers
from signoff_insight.forecast.purchases import Outcome

FREQUENCIES: Final = ((0, 0), (1, 1), (2, 2), (3, 3), (4, 6), (7, None))
"""Bands of x, both ends within."""
SILENCES: Final = ((0, 4), (4, 13), (13, 26), (26, 52), (52, None))
"""Bands of weeks without a purchase, the second end not within."""
FREQUENT: Final = 3
SILENT: Final = 26
"""From these on a customer is a frequent buyer, and silent for long."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Errors:
    """How far predictions were from the truth, by customer and in total."""

    predicted: float
    actual: float
    mae: float
    """Mean absolute error of a customer."""
    rmse: float
    """Root of the mean squared error of a customer."""
    correlation: float | None
    """Pearson's r; None where all customers are alike."""
    bias: float | None
    """Predicted total over the actual, minus 1; None where the actual is not above 0."""


@dataclass(frozen=True, slots=True)
class Band:
    """Customers who are alike: what they were expected to do, and what they did, on average."""

    name: str
    customers: int
    active: float
    """Mean P(has not left)."""
    predicted_purchases: float
    actual_purchases: float
    predicted_return: float
    """Mean P(buys at least once within the horizon)."""
    actual_return: float
    """The share that did."""


@dataclass(frozen=True, slots=True)
class Week:
    """Purchases of all customers together, from the cutoff to the end of a week."""

    week: int
    predicted: float
    actual: int


@dataclass(frozen=True, slots=True)
class Backtest:
    """A forecast of the past with its errors."""

    horizon: int
    """Weeks."""
    model: Model
    purchases: Errors
    revenue: Errors | None
    """None where the model knows no spend."""
    weeks: tuple[Week, ...]
    """None of them where the outcome tells no weeks."""
    by_frequency: tuple[Band, ...]
    """By x; bands without customers are left out, here and below."""
    by_silence: tuple[Band, ...]
    """By weeks since the last purchase."""
    by_both: tuple[Band, ...]
    """By x within each silence; named as `x 4-6, silent 13-26 weeks`."""
    frequent_and_silent: Band | None
    """x of 3 and more, silent for 26 weeks and more: the known weakness. None where nobody is."""


def backtest(customers: Customers, outcome: Outcome, horizon: int) -> Backtest:
    """Fit to what was known, predict `horizon` weeks ahead, and compare with what came.

    `split` gives both. Customers who came after the cutoff are no part of it.

    Raises:
        HistoryError: The outcomes belong to other customers or weeks, or there are no weeks.
        TooFewCustomersError: Fewer than 20 customers bought on two days or more by the cutoff.
        NoMaximumError: The data fit no model of this kind.
    """
    if not len(customers) == len(outcome.purchases) == len(outcome.revenue):
        raise HistoryError("Each customer has one outcome: the lists differ in length.")
    if len(outcome.weekly) not in {0, horizon}:
        raise HistoryError(f"There are {horizon} weeks, and outcomes of {len(outcome.weekly)}.")
    model = fit_customers(customers)
    prediction = model.predict(customers, horizon)
    revenue = prediction.revenue
    compared = _Compared(customers, prediction, outcome.purchases)
    return Backtest(
        horizon=horizon,
        model=model,
        purchases=errors_of(prediction.purchases, outcome.purchases.astype(np.float64)),
        revenue=None if revenue is None else errors_of(revenue, outcome.revenue),
        weeks=tuple(_weeks(model, customers, outcome.weekly)),
        by_frequency=tuple(compared.bands(compared.frequencies())),
        by_silence=tuple(compared.bands(compared.silences())),
        by_both=tuple(compared.bands(compared.both())),
        frequent_and_silent=compared.frequent_and_silent(),
    )


def _weeks(model: Model, customers: Customers, weekly: Ints) -> Iterator[Week]:
    weeks = range(1, len(weekly) + 1)
    predicted = model.purchases.expected_totals(customers.x, customers.t_x, customers.age, weeks)
    for week, total, actual in zip(weeks, predicted, weekly.cumsum().tolist(), strict=True):
        yield Week(week, total, actual)


def errors_of(predicted: Floats, actual: Floats) -> Errors:
    """Compare customer by customer; there is at least one."""
    error = predicted - actual
    total = float(actual.sum())
    return Errors(
        predicted=float(predicted.sum()),
        actual=total,
        mae=float(np.abs(error).mean()),
        rmse=math.sqrt(float((error**2).mean())),
        correlation=_correlation(predicted, actual),
        bias=float(predicted.sum()) / total - 1 if total > 0 else None,
    )


def _correlation(one: Floats, other: Floats) -> float | None:
    by_one, by_other = one - one.mean(), other - other.mean()
    spread = math.sqrt(float((by_one**2).sum())) * math.sqrt(float((by_other**2).sum()))
    return float((by_one * by_other).sum()) / spread if spread > 0 else None


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """Customers with what was expected of them and what they did."""

    customers: Customers
    prediction: Prediction
    purchases: Ints

    def frequencies(self) -> Iterator[tuple[str, Mask]]:
        """Who is in which band of x."""
        x = self.customers.x
        for low, high in FREQUENCIES:
            name = f"{low}+" if high is None else f"{low}" if low == high else f"{low}-{high}"
            yield f"x {name}", (x >= low) if high is None else (x >= low) & (x <= high)

    def silences(self) -> Iterator[tuple[str, Mask]]:
        """Who has been silent for how long."""
        silent = self._silent()
        for low, high in SILENCES:
            name = f"{low}+" if high is None else f"{low}-{high}"
            within = (silent >= low) if high is None else (silent >= low) & (silent < high)
            yield f"silent {name} weeks", within

    def both(self) -> Iterator[tuple[str, Mask]]:
        """Who is in which band of both."""
        for silence, silent in self.silences():
            for frequency, frequent in self.frequencies():
                yield f"{frequency}, {silence}", silent & frequent

    def frequent_and_silent(self) -> Band | None:
        """The known weakness."""
        chosen = (self.customers.x >= FREQUENT) & (self._silent() >= SILENT)
        name = f"x {FREQUENT}+, silent {SILENT}+ weeks"
        return next(self.bands(iter([(name, chosen)])), None)

    def bands(self, chosen: Iterator[tuple[str, Mask]]) -> Iterator[Band]:
        """The averages of those who are chosen, where anybody is."""
        for name, mask in chosen:
            if mask.any():
                yield Band(
                    name=name,
                    customers=int(mask.sum()),
                    active=float(self.prediction.active[mask].mean()),
                    predicted_purchases=float(self.prediction.purchases[mask].mean()),
                    actual_purchases=float(self.purchases[mask].mean()),
                    predicted_return=float(self.prediction.returns[mask].mean()),
                    actual_return=float((self.purchases[mask] > 0).mean()),
                )

    def _silent(self) -> Floats:
        return weeks(self.customers.age - self.customers.t_x)
