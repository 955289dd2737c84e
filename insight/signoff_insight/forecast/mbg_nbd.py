"""MBG/NBD, the modified beta-geometric/NBD model: how often a customer will buy again.

While active a customer buys at random with a rate of their own; after each purchase, the first too,
the customer leaves for good with a probability of their own. The rates vary among customers as
gamma(r, alpha), the probabilities as beta(a, b). Rates are per week.

Sources: Batislam, Denizel and Filiztekin (2007), "Empirical validation and comparison of models for
customer base analysis", International Journal of Research in Marketing 24(3), 201-209, and the
erratum of Wagner and Hoppe (2008), the same journal 25(3), 225-226.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from signoff_insight.forecast.borders import Border, beyond_borders
from signoff_insight.forecast.expectation import purchases_while_active
from signoff_insight.forecast.history import Floats, History, Ints, weeks
from signoff_insight.forecast.maximize import maximize

STARTS: Final = ((1.0, 1.0), (3.0, 0.05))
"""r, and a and b, from which the search begins.

From the second it also finds customers who leave at once or never. Others have one maximum alone.
"""
SHAPE: Final = Border(0.001, 1000)
"""Of r, a and b; alpha is a scale and has no border: it follows r."""


@dataclass(frozen=True, slots=True)
class PurchaseModel:
    """The parameters: r and alpha (weeks) of the rates, a and b of the probabilities to leave."""

    r: float
    alpha: float
    a: float
    b: float

    @property
    def at_border(self) -> tuple[str, ...]:
        """Parameters of which the data tell only that they are very small or very large."""
        found = {"r": self.r, "a": self.a, "b": self.b}
        return tuple(name for name, value in found.items() if not SHAPE.holds(value))

    def probability_active(self, x: Ints, t_x: Ints, age: Ints) -> Floats:
        """P(the customer has not left by the cutoff | history), by customer.

        Batislam et al. 2007, appendix A, equation 5. Below 1 also for who bought once.
        """
        return np.exp(-np.logaddexp(0, self._log_odds_left(x, t_x, age)))

    def probability_of_return(self, x: Ints, t_x: Ints, age: Ints, horizon: float) -> Floats:
        """P(at least one purchase in the next `horizon` weeks | history), by customer.

        An active customer's rate is gamma(r + x, alpha + T), and nobody leaves between purchases:
        the first comes within t with probability 1 - ((alpha + T) / (alpha + T + t))^(r + x).
        """
        longer = np.log1p(horizon / (self.alpha + weeks(age)))
        bought: Floats = -np.expm1(-(self.r + x) * longer)
        return self.probability_active(x, t_x, age) * bought

    def expected_purchases(self, x: Ints, t_x: Ints, age: Ints, horizon: float) -> Floats:
        """E(purchases in the next `horizon` weeks | history), by customer.

        Wagner and Hoppe 2008; see `expectation` for the form in which it is computed. With x, t_x
        and age of 0 it is what a customer who buys for the first time today is expected to buy
        afterwards.
        """
        pairs = _Pairs.of(x, age)
        return self.probability_active(x, t_x, age) * self._if_active(pairs, horizon)[pairs.of_each]

    def expected_totals(
        self, x: Ints, t_x: Ints, age: Ints, horizons: Sequence[float]
    ) -> list[float]:
        """The expected purchases of all these customers together, within each of the horizons."""
        pairs = _Pairs.of(x, age)
        active = np.bincount(pairs.of_each, weights=self.probability_active(x, t_x, age))
        return [float((active * self._if_active(pairs, one)).sum()) for one in horizons]

    def log_likelihood(self, history: History) -> float:
        """The logarithm of the probability of all these histories."""
        return _Likelihood.of(history).at(np.log([self.r, self.alpha, self.a, self.b]))[0]

    def _if_active(self, pairs: "_Pairs", horizon: float) -> Floats:
        return purchases_while_active(
            shape=self.r + pairs.x,
            ratio=horizon / (self.alpha + weeks(pairs.age)),
            leave=self.a,
            stay=self.b + pairs.x + 1,
        )

    def _log_odds_left(self, x: Ints, t_x: Ints, age: Ints) -> Floats:
        longer = np.log((self.alpha + weeks(age)) / (self.alpha + weeks(t_x)))
        odds: Floats = np.log(self.a / (self.b + x)) + (self.r + x) * longer
        return odds


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Each x and age once: what active customers are expected to do depends on these alone."""

    x: Floats
    age: Ints
    of_each: Ints
    """The index of each customer's pair."""

    @classmethod
    def of(cls, x: Ints, age: Ints) -> Self:
        """The pairs of these customers."""
        size = int(age.max(initial=0)) + 1
        pairs, of_each = np.unique(x * size + age, return_inverse=True)
        return cls((pairs // size).astype(np.float64), pairs % size, of_each)


def fit_purchases(history: History) -> PurchaseModel:
    """The most likely parameters.

    Raises:
        NoMaximumError: There are none.
    """
    likelihood = _Likelihood.of(history)
    total = history.total

    def average(logs: Floats) -> tuple[float, Floats]:
        value, slope = likelihood.at(logs)
        cost, cost_slope = beyond_borders(logs, (SHAPE, None, SHAPE, SHAPE))
        return value / total - cost, slope / total - cost_slope

    age = float((weeks(history.age) * history.customers).sum()) / total
    models = [
        PurchaseModel(*np.exp(maximize(average, np.log([r, max(age, 1.0), leave, leave]))).tolist())
        for r, leave in STARTS
    ]
    # The first wins where they differ by rounding alone.
    return max(models, key=lambda model: round(model.log_likelihood(history), 3))


@dataclass(frozen=True, slots=True)
class _Likelihood:
    """The log-likelihood of a history, with what does not depend on the parameters computed once.

    For one customer (Batislam et al. 2007, equation 4):

        G(r + x) / G(r) * alpha^r * B(a, b + x + 1) / B(a, b) * (alpha + T)^-(r + x) * (1 + odds),
        odds = a / (b + x) * ((alpha + T) / (alpha + t_x))^(r + x)

    With whole x, log G(r + x) / G(r) is the sum of log(r + k) for k < x, and log B(a, b + x + 1) /
    B(a, b) that of log(b + k) - log(a + b + k) for k <= x: all customers need each k once, times
    how many reach it.
    """

    x: Floats
    t_x: Floats
    age: Floats
    customers: Floats
    more: Floats
    """How many customers have x > k, for k = 0, 1, ..."""
    least: Floats
    """How many customers have x >= k."""

    @classmethod
    def of(cls, history: History) -> Self:
        """Prepare."""
        counts = history.customers.astype(np.float64)
        by_x = np.bincount(history.x, weights=counts)
        least = by_x[::-1].cumsum()[::-1]
        xs = history.x.astype(np.float64)
        return cls(xs, weeks(history.t_x), weeks(history.age), counts, least - by_x, least)

    def at(self, logs: Floats) -> tuple[float, Floats]:
        """The value and its gradient, both at and by the logarithms of r, alpha, a and b."""
        r, alpha, a, b = (float(value) for value in np.exp(logs))
        k = np.arange(len(self.least))
        until, since = alpha + self.age, alpha + self.t_x
        log_until = np.log(until)
        longer = log_until - np.log(since)
        power = r + self.x
        odds = np.log(a / (b + self.x)) + power * longer
        log_sum = np.logaddexp(0, odds)
        left = self.customers * np.exp(odds - log_sum)
        n = float(self.least[0])
        value = (
            n * r * float(logs[1])
            + (self.more * np.log(r + k)).sum()
            + (self.least * np.log((b + k) / (a + b + k))).sum()
            + (self.customers * (log_sum - power * log_until)).sum()
        )
        by_r = n * float(logs[1]) + (self.more / (r + k)).sum()
        by_r += (left * longer - self.customers * log_until).sum()
        by_alpha = n * r / alpha + (power * ((left - self.customers) / until - left / since)).sum()
        by_a = left.sum() / a - (self.least / (a + b + k)).sum()
        by_b = (self.least * a / ((b + k) * (a + b + k))).sum() - (left / (b + self.x)).sum()
        return float(value), np.array([r * by_r, alpha * by_alpha, a * by_a, b * by_b])
