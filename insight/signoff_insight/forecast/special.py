"""Functions of the gamma family, to the precision of a float, for few values each."""

import math
from typing import Final

import numpy as np

from signoff_insight.forecast.history import Floats

LARGE: Final = 500.0
"""From here on two terms of Stirling's series are exact to a float."""
SHIFT: Final = 10
"""From here on the asymptotic series of digamma is exact to a float with the terms below."""
DIGAMMA_TERMS: Final = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)
"""B(2n) / 2n for n = 1 ... 7, B being the Bernoulli numbers (Abramowitz and Stegun 6.3.18)."""


def log_gamma_ratio(values: Floats, more: float) -> Floats:
    """log(gamma(value + more) / gamma(value)); all are positive.

    For large values the two logarithms have their leading digits in common. There Stirling's series
    is used (Abramowitz and Stegun 6.1.41), in which these are gone.
    """
    return np.array([_log_gamma_ratio(value, more) for value in values.tolist()], np.float64)


def _log_gamma_ratio(value: float, more: float) -> float:
    if value < LARGE:
        return math.lgamma(value + more) - math.lgamma(value)
    total = value + more
    leading = (value - 0.5) * math.log1p(more / value) + more * (math.log(total) - 1)
    return leading + _stirling(total) - _stirling(value)


def _stirling(value: float) -> float:
    return (1 / 12 - 1 / (360 * value**2)) / value


def digamma(values: Floats) -> Floats:
    """The derivative of the logarithm of the gamma function; all values are positive.

    digamma(x) = digamma(x + 10) - 1/x - ... - 1/(x + 9), and at x + 10 the asymptotic series
    (Abramowitz and Stegun 6.3.6 and 6.3.18).
    """
    high = values + SHIFT
    series = np.zeros_like(high)
    for term in reversed(DIGAMMA_TERMS):
        series = (series + term) / high**2
    steps = sum((1 / (values + step) for step in range(SHIFT)), np.zeros_like(values))
    return np.log(high) - 0.5 / high - series - steps
