"""Functions of the gamma family, to the precision of a float, for few values each."""

import math
from typing import Final

import numpy as np

from signoff_insight.forecast.history import Floats

SHIFT: Final = 10
"""From here on the asymptotic series of digamma is exact to a float with the terms below."""
DIGAMMA_TERMS: Final = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)
"""B(2n) / 2n for n = 1 ... 7, B being the Bernoulli numbers (Abramowitz and Stegun 6.3.18)."""


def log_gamma(values: Floats) -> Floats:
    """The logarithm of the gamma function; all values are positive."""
    return np.array([math.lgamma(value) for value in values], np.float64)


def digamma(values: Floats) -> Floats:
    """The derivative of `log_gamma`; all values are positive.

    digamma(x) = digamma(x + 10) - 1/x - ... - 1/(x + 9), and at x + 10 the asymptotic series
    (Abramowitz and Stegun 6.3.6 and 6.3.18).
    """
    high = values + SHIFT
    series = np.zeros_like(high)
    for term in reversed(DIGAMMA_TERMS):
        series = (series + term) / high**2
    steps = sum((1 / (values + step) for step in range(SHIFT)), np.zeros_like(values))
    return np.log(high) - 0.5 / high - series - steps
