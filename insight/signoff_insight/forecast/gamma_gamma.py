"""Gamma-Gamma: what a customer spends on average on a day with a purchase.

A customer's amounts are gamma(p, nu) with a nu of their own; nu varies among customers as gamma(q,
gamma). How much a customer spends does not depend on how often.

Source: Fader and Hardie (2013), "The Gamma-Gamma Model of Monetary Value",
brucehardie.com/notes/025, after Fader, Hardie and Lee (2005), "RFM and CLV", Journal of Marketing
Research 42(4), 415-430. As there, `x` counts the days after the first, and the amounts are those of
these days: with this definition, and customers of x > 0, the note's p 6.25, q 3.74 and gamma 15.44
come out of its data.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from signoff_insight.forecast.borders import beyond_borders
from signoff_insight.forecast.history import Floats, Ints, Spends
from signoff_insight.forecast.maximize import maximize
from signoff_insight.forecast.special import digamma, log_gamma

SHAPES: Final = np.array([True, True, False])
"""p and q - 1 are shapes and have borders; gamma is a scale (in money) and follows p and q."""


@dataclass(frozen=True, slots=True)
class SpendModel:
    """The parameters: p of a customer's amounts, q and gamma (in money) of how customers vary.

    q is above 1: below, the amounts have no average.
    """

    p: float
    q: float
    gamma: float

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
        known = np.where(spend > 0, x, 0)
        own = np.where(spend > 0, spend, 0)
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
        cost, cost_slope = beyond_borders(logs, SHAPES)
        return value / total - cost, slope / total - cost_slope

    p, above_one, gamma = (float(value) for value in np.exp(maximize(average, np.zeros(3))))
    return SpendModel(p, 1 + above_one, gamma * unit)


@dataclass(frozen=True, slots=True)
class _Likelihood:
    """The log-likelihood of spends, with what does not depend on the parameters computed once.

    For one customer who spent m on average on each of x days (Fader and Hardie 2013, equation 1a):

        G(p x + q) / (G(p x) G(q)) * gamma^q * m^(p x - 1) * x^(p x) / (gamma + m x)^(p x + q)

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
    x_log_spend: float
    """The sum of x log(m x), which p multiplies."""
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
            x_log_spend=float((counts * spends.x * np.log(spend)).sum()),
            constant=-float((counts * np.log(spends.spend / spends.x)).sum()),
        )

    def at(self, logs: Floats) -> tuple[float, Floats]:
        """The value and its gradient, both at and by the logarithms of p, q - 1 and gamma."""
        p, above_one, gamma = (float(value) for value in np.exp(logs))
        q, log_gamma_unit = 1 + above_one, float(logs[2])
        first, second = p * self.each_x, p * self.each_x + q
        power = p * self.x + q
        log_sum = self.customers * np.log(gamma + self.spend)
        beta = log_gamma(second) - log_gamma(first) - log_gamma(np.array([q]))
        value = (
            (self.having * beta).sum()
            + self.total * q * log_gamma_unit
            + p * self.x_log_spend
            + self.constant
            - (power * log_sum).sum()
        )
        by_second = digamma(second)
        by_p = (self.having * self.each_x * (by_second - digamma(first))).sum()
        by_p += self.x_log_spend - (self.x * log_sum).sum()
        by_q = (self.having * by_second).sum() - self.total * float(digamma(np.array([q]))[0])
        by_q += self.total * log_gamma_unit - log_sum.sum()
        by_gamma = self.total * q / gamma - (power * self.customers / (gamma + self.spend)).sum()
        return float(value), np.array([p * by_p, above_one * by_q, gamma * by_gamma])
