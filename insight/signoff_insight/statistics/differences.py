"""The difference of two shares, also over several strata, with an interval of 95 %."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from signoff_insight.statistics.wilson import Interval, wilson


@dataclass(frozen=True, slots=True)
class Pair:
    """Two groups of one stratum: how many each has, and how many of them converted."""

    with_n: int
    with_converted: int
    without_n: int
    without_converted: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A share minus another one, from -1 to 1, and where it lies with a confidence of 95 %."""

    value: float
    interval: Interval


def difference(pair: Pair) -> Difference | None:
    """The share with minus the share without; None if one of the groups is empty.

    With the score intervals (l1, u1) and (l2, u2) of the shares p1 and p2, d = p1 - p2 lies from

        d - sqrt((p1 - l1)^2 + (u2 - p2)^2)   to   d + sqrt((u1 - p1)^2 + (p2 - l2)^2)

    Source: R. G. Newcombe, Interval Estimation for the Difference Between Independent Proportions:
    Comparison of Eleven Methods, Statistics in Medicine 17 (1998), 873-890, method 10.
    """
    one = wilson(pair.with_converted, pair.with_n)
    other = wilson(pair.without_converted, pair.without_n)
    if one is None or other is None:
        return None
    share = pair.with_converted / pair.with_n
    other_share = pair.without_converted / pair.without_n
    value = share - other_share
    low = value - math.hypot(share - one.low, other.high - other_share)
    high = value + math.hypot(one.high - share, other_share - other.low)
    return Difference(value, Interval(low, high))


def pooled(strata: Sequence[Pair]) -> Difference | None:
    """The risk difference of Mantel and Haenszel; None if no stratum has both groups.

    In a stratum with n1 and n0 in the groups, its difference has the weight w = n1 n0 / (n1 + n0);
    pooled, it is the mean of those of the strata. With c = w / sum of w, and in each stratum the
    score intervals (l1, u1) and (l2, u2) of the shares p1 and p2, d lies from

        d - sqrt(sum of c^2 ((p1 - l1)^2 + (u2 - p2)^2))
        to   d + sqrt(sum of c^2 ((u1 - p1)^2 + (p2 - l2)^2))

    Of one stratum that is the interval of `difference`. An interval from the estimated variance
    would have no width where in each stratum all convert, or nobody does.

    Source: G. Y. Zou, W. Huang and X. Zhang, A Note on Confidence Interval Estimation for a Linear
    Function of Binomial Proportions, Computational Statistics and Data Analysis 53 (2009),
    1080-1085; the estimator: S. Greenland and J. M. Robins, Estimation of a Common Effect Parameter
    from Sparse Follow-up Data, Biometrics 41 (1985), 55-68.
    """
    found = [(_weight(pair), one) for pair in strata if (one := difference(pair))]
    if not found:
        return None
    total = sum(weight for weight, _ in found)
    each = [(weight / total, one) for weight, one in found]
    value = sum(part * one.value for part, one in each)
    below = math.hypot(*(part * (one.value - one.interval.low) for part, one in each))
    above = math.hypot(*(part * (one.interval.high - one.value) for part, one in each))
    return Difference(value, Interval(max(value - below, -1.0), min(value + above, 1.0)))


def _weight(one: Pair) -> float:
    return one.with_n * one.without_n / (one.with_n + one.without_n)
