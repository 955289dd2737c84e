"""How often a customer buys in a time to come, given that the customer is still active."""

from typing import Final

import numpy as np
import numpy.typing as npt

from signoff_insight.forecast.history import Floats

TERMS: Final = 64
"""Terms of the series that are computed together."""
PAIRS: Final = 2048
"""Customers of whom they are computed together: a few MB at a time."""
EXACT: Final = 1e-13
"""The share of the result that the terms left out have at most."""
LARGEST_RATIO: Final = 1e4
"""A time to come is at most so many times the time known: in weeks and whole days nothing finer is meant."""


def purchases_while_active(shape: Floats, ratio: Floats, leave: float, stay: Floats) -> Floats:
    """E(purchases in a time t | active now), for rate ~ gamma(shape, tau), leaving ~ beta(leave, stay).

    `ratio` is t / tau. Wagner and Hoppe (2008) give, with r + x = shape, b + x + 1 = stay, a = leave,
    z = t / (tau + t):

        (a + b + x) / (a - 1) * (1 - (1 - z)^(r + x) * 2F1(r + x, b + x + 1; a + b + x; z))

    which has no value at a = 1 and loses digits near it. The same is a sum of positive terms: a customer who
    never left would buy k times with probability P(k), negative binomial with this shape and z; of these k the
    first is certain, and the (j + 1)-th happens if the customer stayed j times, with probability
    s(j) = (stay)_j / (leave + stay)_j. So E = sum of P(k) * (s(0) + ... + s(k - 1)).
    """
    blocks = range(0, len(shape), PAIRS)
    parts = [
        _sum_of_series(shape[at : at + PAIRS], ratio[at : at + PAIRS], leave, stay[at : at + PAIRS])
        for at in blocks
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _sum_of_series(shape: Floats, ratio: Floats, leave: float, stay: Floats) -> Floats:
    """The same for one block: sums of P(k) e(k) over sums of P(k), where P(k) is known up to a factor.

    So P(0), which can be too small for a float, is never needed. `e` is s(0) + ... + s(k - 1).
    """
    bounded = np.minimum(ratio, LARGEST_RATIO)
    z = bounded / (1 + bounded)
    result = np.zeros_like(shape)
    rest = np.arange(len(shape))
    # By customer: P(k), s(k - 1), e(k), and the two sums up to k.
    state = np.array([np.ones_like(z), 1 + leave / (stay - 1), 0 * z, 0 * z, np.ones_like(z)])
    k = 0
    while len(rest):
        state = _next_terms(state, k, z[rest], shape[rest], leave, stay[rest])
        k += TERMS
        done = _is_exact(state, k, z[rest], shape[rest])
        result[rest[done]] = (state[3] / state[4])[done]
        rest, state = rest[~done], state[:, ~done]
    return result


def _next_terms(state: Floats, k: int, z: Floats, shape: Floats, leave: float, stay: Floats) -> Floats:
    """The state some terms later."""
    probability, stayed, bought, numerator, denominator = state[:, :, np.newaxis]
    later = np.arange(k + 1, k + TERMS + 1)
    often = shape[:, np.newaxis]
    long = stay[:, np.newaxis]
    probabilities = probability * np.cumprod(z[:, np.newaxis] * (often + later - 1) / later, axis=1)
    stays = stayed * np.cumprod(1 - leave / (leave + long + later - 2), axis=1)
    boughts = bought + np.cumsum(stays, axis=1)
    numerator = numerator[:, 0] + (probabilities * boughts).sum(axis=1)
    denominator = denominator[:, 0] + probabilities.sum(axis=1)
    scale = 1 / np.maximum(probabilities[:, -1], 1)
    return np.array(
        [probabilities[:, -1] * scale, stays[:, -1], boughts[:, -1], numerator * scale, denominator * scale]
    )


def _is_exact(state: Floats, k: int, z: Floats, shape: Floats) -> npt.NDArray[np.bool_]:
    """Where all terms to come, each at most `ratio` times the one before, change nothing any more."""
    ratio = z * np.maximum((shape + k) / (k + 1), 1) * (1 + 1 / k)
    exact: npt.NDArray[np.bool_] = state[0] * state[2] * ratio <= EXACT * state[3] * (1 - ratio)
    return exact
