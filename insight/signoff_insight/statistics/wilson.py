"""A confidence interval of a share."""

import math
from dataclasses import dataclass
from typing import Final

Z95: Final = 1.959963984540054
"""The 97.5 % point of the standard normal distribution: intervals of 95 % use it."""


@dataclass(frozen=True, slots=True)
class Interval:
    """From where to where a share lies with a confidence of 95 %."""

    low: float
    high: float


def share_of(successes: int, trials: int) -> float | None:
    """The share of successes; None without trials."""
    return successes / trials if trials else None


def wilson(successes: int, trials: int) -> Interval | None:
    """The score interval of a share, with a confidence of 95 %; None without trials.

    With n trials, share p and z = 1.96, it is

        (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)

    It never leaves 0 to 1, and is usable with few trials and with shares near 0 and 1, where the
    textbook interval is not.

    Source: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference,
    Journal of the American Statistical Association 22 (1927), 209-212; recommended by L. D. Brown,
    T. T. Cai and A. DasGupta, Interval Estimation for a Binomial Proportion, Statistical Science
    16 (2001), 101-133.
    """
    if trials == 0:
        return None
    share = successes / trials
    square = Z95 * Z95 / trials
    middle = share + square / 2
    reach = Z95 * math.sqrt(share * (1 - share) / trials + square / (4 * trials))
    low = (middle - reach) / (1 + square)
    high = (middle + reach) / (1 + square)
    # Rounding would move the ends of the range by a hair.
    return Interval(
        0.0 if successes == 0 else max(low, 0.0), 1.0 if successes == trials else min(high, 1.0)
    )
