"""Gamma-Gamma: what customers spend on a day with a purchase."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff_insight.forecast.gamma_gamma import SpendModel, _Likelihood, fit_spend
from signoff_insight.forecast.history import Spends

models = st.builds(
    SpendModel, p=st.floats(0.1, 50), q=st.floats(1.1, 50), gamma=st.floats(0.01, 10_000)
)
spends = st.tuples(st.integers(1, 200), st.floats(0.01, 100_000))


def grouped(*some: tuple[int, float]) -> Spends:
    """Customers who spent an amount on x days together."""
    return Spends.of([x for x, _ in some], [spend for _, spend in some])


@given(models, st.lists(spends, min_size=1, max_size=20), st.data())
def test_the_likelihood_of_all_is_that_of_each(
    model: SpendModel, all_spends: list[tuple[int, float]], data: st.DataObject
) -> None:
    """Grouped or not, in whatever order; and as the published formula gives it for one."""
    several = [*all_spends, *data.draw(st.lists(st.sampled_from(all_spends), max_size=20))]

    each = [log_likelihood_of_one(model, x, spend / x) for x, spend in several]
    size = sum(abs(one) for one in each)
    assert model.log_likelihood(grouped(*several)) == pytest.approx(
        math.fsum(each), rel=1e-9, abs=1e-9 * size + 1e-6
    )


def log_likelihood_of_one(model: SpendModel, x: int, mean: float) -> float:
    """Fader and Hardie 2013, equation 1a, for x days with this average."""
    p, q, gamma = model.p, model.q, model.gamma
    return (
        math.lgamma(p * x + q)
        - math.lgamma(p * x)
        - math.lgamma(q)
        + q * math.log(gamma)
        + (p * x - 1) * math.log(mean)
        + p * x * math.log(x)
        - (p * x + q) * math.log(gamma + mean * x)
    )


@given(models, st.lists(spends, min_size=1, max_size=20))
def test_the_gradient_is_that_of_the_likelihood(
    model: SpendModel, some: list[tuple[int, float]]
) -> None:
    """Compared with differences."""
    likelihood = _Likelihood.of(grouped(*some), 1.0)
    logs = np.log([model.p, model.q - 1, model.gamma])

    value, gradient = likelihood.at(logs)
    for at in range(3):
        step = np.zeros(3)
        step[at] = 1e-5
        difference = likelihood.at(logs + step)[0] - likelihood.at(logs - step)[0]
        assert gradient[at] == pytest.approx(
            difference / 2e-5, rel=1e-4, abs=1e-3 + 1e-7 * abs(value)
        )


@given(models, st.integers(1, 200), st.floats(0.01, 100_000))
def test_what_is_expected_lies_between_the_customer_and_all(
    model: SpendModel, x: int, mean: float
) -> None:
    """Nearer to the customer's own average the more days are known."""
    few, many = model.expected_spend(np.array([x, 10 * x]), np.array([x * mean, 10 * x * mean]))

    low, high = sorted([mean, model.mean])
    assert low * (1 - 1e-9) <= few <= high * (1 + 1e-9)
    assert abs(many - mean) <= abs(few - mean) * (1 + 1e-9) + 1e-9 * mean


@given(models)
def test_of_who_spent_nothing_the_average_is_expected(model: SpendModel) -> None:
    """Who never came back, who came for gifts, and who gave back more than was bought."""
    expected = model.expected_spend(np.array([0, 3, 2]), np.array([0.0, 0.0, -5.0]))

    assert expected == pytest.approx([model.mean] * 3)


def test_a_fit_finds_the_parameters_that_made_the_spends() -> None:
    """100,000 customers who spend as the model says, within a twentieth."""
    chance = np.random.default_rng(2)
    x = chance.integers(1, 10, 100_000)
    spend = chance.gamma(6.0 * x, 1 / chance.gamma(4.0, 1 / 15.0, 100_000))

    found = fit_spend(Spends.of(x, spend))
    assert (found.p, found.q, found.gamma) == pytest.approx((6.0, 4.0, 15.0), rel=0.05)


@pytest.mark.parametrize("factor", [1e-3, 0.2, 150.0, 1e9])
def test_another_currency_changes_gamma_alone(factor: float) -> None:
    """The scale is money; p and q have no unit."""
    chance = np.random.default_rng(3)
    x = chance.integers(1, 10, 1000)
    spend = chance.gamma(6.0 * x, 1 / chance.gamma(4.0, 1 / 15.0, 1000))

    one, other = fit_spend(Spends.of(x, spend)), fit_spend(Spends.of(x, spend * factor))
    assert (other.p, other.q, other.gamma) == pytest.approx(
        (one.p, one.q, one.gamma * factor), rel=1e-5
    )
