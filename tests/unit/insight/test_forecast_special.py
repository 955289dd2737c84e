"""Functions of the gamma family."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff_insight.forecast.special import digamma, log_gamma_ratio


@given(st.floats(1e-4, 1e7))
def test_digamma_follows_its_recurrence(value: float) -> None:
    """digamma(x + 1) = digamma(x) + 1 / x, as exactly as a difference of large terms is."""
    one, next_one = digamma(np.array([value, value + 1]))

    rounded = 4 * math.ulp(1 / value)
    assert next_one == pytest.approx(one + 1 / value, rel=1e-12, abs=1e-12 + rounded)


def test_digamma_is_known_at_some_points() -> None:
    """At 1 it is minus Euler's constant."""
    euler = 0.57721566490153286

    assert digamma(np.array([1.0, 0.5, 2.0])) == pytest.approx(
        [-euler, -euler - 2 * math.log(2), 1 - euler], rel=1e-14
    )


@given(st.floats(0.01, 1e7), st.integers(1, 50))
def test_the_ratio_of_whole_steps_is_a_product(value: float, steps: int) -> None:
    """gamma(x + n) / gamma(x) = x (x + 1) ... (x + n - 1)."""
    expected = math.fsum(math.log(value + step) for step in range(steps))

    assert log_gamma_ratio(np.array([value]), steps)[0] == pytest.approx(
        expected, rel=1e-12, abs=1e-11
    )
