"""How often a customer buys in a time to come, given that the customer is still active.

Wagner and Hoppe (2008) give, for a customer with x, T and a time t, with z = t / (alpha + T + t):

    (a + b + x) / (a - 1) * (1 - (1 - z)^(r + x) * 2F1(r + x, b + x + 1; a + b + x; z))

That has no value at a = 1, and loses digits near it. Here the same is computed as a sum of positive
terms. A customer who never left would buy k times with probability P(k), negative binomial with
shape r + x and z. Of these k purchases the first is certain. The (j + 1)-th happens if the customer
stayed j times, with probability s(j) = (b + x + 1)_j / (a + b + x + 1)_j, where (c)_j is the rising
factorial. So the expectation is the sum over k of P(k) e(k), with e(k) = s(0) + ... + s(k - 1).
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from signoff_insight.forecast.history import Floats

Mask = npt.NDArray[np.bool_]

TERMS: Final = 64
"""Terms of the sum that are computed together."""
TOGETHER: Final = 2048
"""Customers of whom they are computed together: some MB at a time."""
EXACT: Final = 1e-13
"""The share of the result that the terms left out have at most."""
LARGEST_RATIO: Final = 1e4
"""The time to come is at most so many times the time known: whole days mean nothing finer."""


def purchases_while_active(shape: Floats, ratio: Floats, leave: float, stay: Floats) -> Floats:
    """E(purchases within t | active now), by customer; the arrays are parallel.

    Args:
        shape: r + x.
        ratio: t / (alpha + T), 0 or more.
        leave: a.
        stay: b + x + 1.
    """
    bounded = np.minimum(ratio, LARGEST_RATIO)
    all_given = _Given(bounded / (1 + bounded), shape, leave, stay)
    results = [
        _sums_of_series(all_given.only(slice(at, at + TOGETHER)))
        for at in range(0, len(shape), TOGETHER)
    ]
    return np.concatenate(results) if results else np.zeros(0)


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """What is known of each customer."""

    z: Floats
    shape: Floats
    leave: float
    stay: Floats

    def only(self, chosen: slice | Mask) -> Self:
        """Some customers of these."""
        return type(self)(self.z[chosen], self.shape[chosen], self.leave, self.stay[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Where each customer's sum stands after the term of a k.

    P(k) is known up to a factor alone, so its sum is kept too: P(0) can be too small for a float.
    """

    probability: Floats
    """P(k)."""
    stayed: Floats
    """s(k - 1)."""
    bought: Floats
    """e(k)."""
    numerator: Floats
    """P(0) e(0) + ... + P(k) e(k)."""
    denominator: Floats
    """P(0) + ... + P(k)."""

    def only(self, chosen: Mask) -> Self:
        """Some customers of these."""
        return type(self)(
            self.probability[chosen],
            self.stayed[chosen],
            self.bought[chosen],
            self.numerator[chosen],
            self.denominator[chosen],
        )


def _sums_of_series(given: _Given) -> Floats:
    """The expectations of some customers; who is exact leaves the computation."""
    one = np.ones_like(given.z)
    # s(-1) is chosen so that s(0) = 1.
    sums = _Sums(one, 1 + given.leave / (given.stay - 1), 0 * one, 0 * one, one)
    results = np.zeros_like(one)
    rest = np.arange(len(one))
    k = 0
    while len(rest):
        sums = _with_more_terms(sums, k, given)
        k += TERMS
        exact = _is_exact(sums, k, given)
        results[rest[exact]] = (sums.numerator / sums.denominator)[exact]
        rest, given, sums = rest[~exact], given.only(~exact), sums.only(~exact)
    return results


def _with_more_terms(sums: _Sums, k: int, given: _Given) -> _Sums:
    """The sums up to k + 64; a row is a customer, a column a term."""
    terms = np.arange(k + 1, k + TERMS + 1)
    z, shape, stay = given.z[:, np.newaxis], given.shape[:, np.newaxis], given.stay[:, np.newaxis]
    probability = np.cumprod(z * (shape + terms - 1) / terms, axis=1)
    probability *= sums.probability[:, np.newaxis]
    remaining: Floats = given.leave + stay + terms - 2
    stayed = ((remaining - given.leave) / remaining).cumprod(axis=1)
    stayed *= sums.stayed[:, np.newaxis]
    bought = sums.bought[:, np.newaxis] + np.cumsum(stayed, axis=1)
    numerator = sums.numerator + (probability * bought).sum(axis=1)
    denominator = sums.denominator + probability.sum(axis=1)
    last = probability[:, -1]
    # Below the most likely k, P(k) grows: the factor keeps it in reach of a float.
    factor = 1 / np.maximum(last, 1)
    return _Sums(
        last * factor, stayed[:, -1], bought[:, -1], numerator * factor, denominator * factor
    )


def _is_exact(sums: _Sums, k: int, given: _Given) -> Mask:
    """Where all terms to come together, each at most `ratio` times the last, change nothing."""
    ratio = given.z * np.maximum((given.shape + k) / (k + 1), 1) * (1 + 1 / k)
    next_term = sums.probability * sums.bought * ratio
    exact: Mask = next_term <= EXACT * sums.numerator * (1 - ratio)
    return exact
