"""The difference of two shares, also over several strata, with an interval of 95 %."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from signoff_insight.statistics.wilson import Z95, Interval, wilson


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

    In a stratum let a of n1 and c of n0 convert, and N = n1 + n0. The difference is the mean of
    those of the strata, each with the weight w = n1 n0 / N. Its variance is (d P + Q) / W^2, where
    W, P and Q are the sums over all strata of w, of

        (n1^2 c - n0^2 a + n1 n0 (n0 - n1) / 2) / N^2   and of   (a (n0 - c) + c (n1 - a)) / (2 N)

    It holds for a few large strata as for many small ones. The interval is d +- 1.96 standard
    errors, cut at -1 and 1.

    Source: T. Sato, On the Variance Estimator for the Mantel-Haenszel Risk Difference, Biometrics
    45 (1989), 1323-1324; the estimator: S. Greenland and J. M. Robins, Estimation of a Common
    Effect Parameter from Sparse Follow-up Data, Biometrics 41 (1985), 55-68.
    """
    both = [pair for pair in strata if pair.with_n and pair.without_n]
    if not both:
        return None
    weight = sum(map(_weight, both))
    value = (
        sum(
            (one.with_converted * one.without_n - one.without_converted * one.with_n)
            / (one.with_n + one.without_n)
            for one in both
        )
        / weight
    )
    variance = (value * sum(map(_p, both)) + sum(map(_q, both))) / weight**2
    error = Z95 * math.sqrt(max(variance, 0.0))
    return Difference(value, Interval(max(value - error, -1.0), min(value + error, 1.0)))


def _weight(one: Pair) -> float:
    return one.with_n * one.without_n / (one.with_n + one.without_n)


def _p(one: Pair) -> float:
    n1, n0 = one.with_n, one.without_n
    first = n1 * n1 * one.without_converted - n0 * n0 * one.with_converted
    return (first + n1 * n0 * (n0 - n1) / 2) / (n1 + n0) ** 2


def _q(one: Pair) -> float:
    n1, n0, a, c = one.with_n, one.without_n, one.with_converted, one.without_converted
    return (a * (n0 - c) + c * (n1 - a)) / (2 * (n1 + n0))
