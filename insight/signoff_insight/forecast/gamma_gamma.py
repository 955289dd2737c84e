"""Gamma-Gamma: what a customer spends on average on a day with a purchase.

A customer's amounts are gamma(p, nu) with a nu of their own; nu varies among customers as gamma(q,
gamma). How much a customer spends does not depend on how often.

Source: Fader and Hardie (2013), "The Gamma-Gamma Model of Monetary Value",
brucehardie.com/notes/025, after Fader, Hardie and Lee (2005), "RFM and CLV", Journal of Marketing
Research 42(4), 415-430. As there, `x` counts the days after the first, and the amounts are those of
these days: with this definition, and customers of x > 0, the note's p 6.25, q 3.74 and gamma 15.44
come out of its data.
"""

import math
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from signoff_insight.forecast.borders import Border, beyond_borders
from signoff_insight.forecast.history import NO_SPEND, Floats, Ints, Spends
from signoff_insight.forecast.maximize import maximize
from signoff_insight.forecast.special import digamma, log_gamma_ratio

P: Final = Border(0.001, 1000)
ABOVE_ONE: Final = Border(0.1, 1000)
"""Of q - 1: near q = 1 the average of all grows without end, however little anybody spent.

gamma is a scale (in money) and has no border: it follows p and q.
"""


@dataclass(frozen=True, slots=True)
class SpendModel:
    """The parameters: p of a customer's amounts, q and gamma (in money) of how customers vary.

    q is above 1: below, the amounts have no average.
    """

    p: float
    q: float
    gamma: float

    @property
    def at_border(self) -> tuple[str, ...]:
        """Parameters of which the data tell only that they are very small or very large."""
        found = {"p": P.holds(self.p), "q": ABOVE_ONE.holds(self.q - 1)}
        return tuple(name for name, within in found.items() if not within)

    @property
    def mean(self) -> float:
        """What a customer of whom nothing is known spends on a day with a purchase."""
        return self.p * self.gamma / (self.q - 1)

    def expected_spend(self, x: Ints, spend: Floats) -> Floats:
        """E(amount of a day with a purchase | spent on x days together), by customer.

        Fader and Hardie 2013, equation 5. Between the customer's own average and the average of
        all, nearer to the own the more days are known. Nothing spent is nothing known, as for who
        never came back.
        """
        known = np.where(spend > NO_SPEND, x, 0)
        own = np.where(spend > NO_SPEND, spend, 0)
        expected: Floats = self.p * (self.gamma + own) / (self.p * known + self.q - 1)
        return expected

    def log_likelihood(self, spends: Spends) -> float:
        """The logarithm of the probability density of all these average spends."""
        return _Likelihood.of(spends, 1.0).at(np.log([self.p, self.q - 1, self.gamma]))[0]


def fit_spend(spends: Spends) -> SpendModel:
    """The most likely parameters with q above 1.

    Raises:
        NoMaximumError: There are none.
    """
    total = spends.total
    unit = float((spends.spend / spends.x * spends.customers).sum()) / total
    likelihood = _Likelihood.of(spends, unit)

    def average(logs: Floats) -> tuple[float, Floats]:
        value, slope = likelihood.at(logs)
        cost, cost_slope = beyond_borders(logs, (P, ABOVE_ONE, None))
        return value / total - cost, slope / total - cost_slope

    p, above_one, gamma = (float(value) for value in np.exp(maximize(average, np.zeros(3))))
    return SpendModel(p, 1 + above_one, gamma * unit)


@dataclass(frozen=True, slots=True)
class _Likelihood:
    """The log-likelihood of spends, with what does not depend on the parameters computed once.

    For one customer who spent m on average on each of x days (Fader and Hardie 2013, equation 1a):

        G(p x + q) / (G(p x) G(q)) / m * (m x / (gamma + m x))^(p x) * (gamma / (gamma + m x))^q

    m and gamma are counted in a unit, so that one start fits each currency.
    """

    x: Floats
    spend: Floats
    customers: Floats
    each_x: Floats
    """The values that x has, each once."""
    having: Floats
    """How many customers have each."""
    total: float
    constant: float
    """The sum of -log m, in money."""

    @classmethod
    def of(cls, spends: Spends, unit: float) -> Self:
        """Prepare."""
        counts = spends.customers.astype(np.float64)
        spend = spends.spend / unit
        each, at = np.unique(spends.x, return_inverse=True)
        having = np.bincount(at, weights=counts, minlength=len(each)).astype(np.float64)
        return cls(
            x=spends.x.astype(np.float64),
            spend=spend,
            customers=counts,
            each_x=each.astype(np.float64),
            having=having,
            total=float(counts.sum()),
            constant=-float((counts * np.log(spends.spend / spends.x)).sum()),
        )

    def at(self, logs: Floats) -> tuple[float, Floats]:
        """The value and its gradient, both at and by the logarithms of p, q - 1 and gamma."""
        p, above_one, gamma = (float(value) for value in np.exp(logs))
        q, log_gamma_unit = 1 + above_one, float(logs[2])
        shape = p * self.each_x
        log_sum = self.customers * np.log(gamma + self.spend)
        # m x / (gamma + m x) has the power p x: its logarithm keeps its digits where it is near 0.
        x_log_share = self.customers * self.x * np.log1p(gamma / self.spend)
        value = (
            (self.having * log_gamma_ratio(shape, q)).sum()
            + self.total * (q * log_gamma_unit - math.lgamma(q))
            + self.constant
            - p * x_log_share.sum()
            - q * log_sum.sum()
        )
        by_sum = digamma(shape + q)
        by_p = (self.having * self.each_x * (by_sum - digamma(shape))).sum() - x_log_share.sum()
        by_q = (self.having * by_sum).sum() - self.total * float(digamma(np.array([q]))[0])
        by_q += self.total * log_gamma_unit - log_sum.sum()
        by_gamma = ((p * self.x + q) * self.customers / (gamma + self.spend)).sum()
        by_gamma = self.total * q / gamma - by_gamma
        return float(value), np.array([p * by_p, above_one * by_q, gamma * by_gamma])
