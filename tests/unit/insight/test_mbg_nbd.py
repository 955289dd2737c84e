"""MBG/NBD: what is expected of customers, and how likely their histories are."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff_insight.forecast.history import History, Ints
from signoff_insight.forecast.mbg_nbd import PurchaseModel, _Likelihood, fit_purchases

shapes = st.floats(0.05, 20)
models = st.builds(PurchaseModel, r=shapes, alpha=st.floats(0.2, 50), a=shapes, b=shapes)
horizons = st.floats(0.1, 200)


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, int, int]:
    """x, t_x and age in days."""
    age = draw(st.integers(0, 1000))
    last = draw(st.integers(0, age))
    x = draw(st.integers(1, min(last, 60))) if last else 0
    return x, last, age


def arrays(*histories: tuple[int, int, int]) -> tuple[Ints, Ints, Ints]:
    """Histories as parallel arrays."""
    x, t_x, age = np.array(histories, np.int64).T
    return x, t_x, age


def hypergeometric(a: float, b: float, c: float, z: float) -> float:
    """2F1 by its series, which has positive terms here."""
    term = total = 1.0
    for k in range(1_000_000):
        term *= (a + k) * (b + k) / ((c + k) * (k + 1)) * z
        total += term
        if term < 1e-17 * total:
            return total
    raise AssertionError("too few terms")


@given(models, histories(), st.floats(0.1, 60))
def test_expected_purchases_are_those_of_the_published_formula(
    model: PurchaseModel, history: tuple[int, int, int], horizon: float
) -> None:
    """Wagner and Hoppe 2008, wherever 1 / (a - 1) and rounding leave it digits."""
    x, t_x, age = history
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    known = alpha + age / 7
    z = horizon / (known + horizon)
    missing = hypergeometric(r + x, b + x + 1, a + b + x, z) * (1 - z) ** (r + x)
    odds = a / (b + x) * (known / (alpha + t_x / 7)) ** (r + x)
    published = (a + b + x) / (a - 1 or math.nan) * (1 - missing) / (1 + odds)

    found = model.expected_purchases(*arrays(history), horizon)[0]
    if abs(a - 1) > 0.01:
        digits_lost = (a + b + x) / abs(a - 1) * max(1, missing) / (1 + odds)
        assert found == pytest.approx(published, rel=1e-9, abs=1e-13 * digits_lost + 1e-300)


@given(models, histories(), horizons)
def test_nothing_breaks_where_the_published_formula_has_no_value(
    model: PurchaseModel, history: tuple[int, int, int], horizon: float
) -> None:
    """At a = 1 the expectation lies between those beside it."""
    below, at, above = (
        PurchaseModel(model.r, model.alpha, a, model.b).expected_purchases(
            *arrays(history), horizon
        )[0]
        for a in (1 - 1e-6, 1.0, 1 + 1e-6)
    )
    assert below >= at >= above >= 0
    assert below == pytest.approx(above, rel=1e-3)


@given(models, histories(), horizons, st.floats(1.01, 3))
def test_more_time_brings_more_purchases(
    model: PurchaseModel, history: tuple[int, int, int], horizon: float, longer: float
) -> None:
    """And a return that is likelier, but never likelier than to be active."""
    some = arrays(history)

    now = model.expected_purchases(*some, horizon)[0]
    later = model.expected_purchases(*some, horizon * longer)[0]
    rounding = 1 + 1e-12
    assert 0 <= now <= later * rounding
    returns = model.probability_of_return(*some, horizon)[0]
    more_returns = model.probability_of_return(*some, horizon * longer)[0]
    active = model.probability_active(*some)[0]
    assert 0 <= returns <= more_returns * rounding
    assert more_returns <= active * rounding
    assert active <= 1
    assert returns <= now * (1 + 1e-9), "who returns buys once at least"


@given(models, histories())
def test_at_first_purchases_come_at_the_rate_of_active_customers(
    model: PurchaseModel, history: tuple[int, int, int]
) -> None:
    """In a very short time: P(active) (r + x) / (alpha + T) a week."""
    x, t_x, age = arrays(history)
    rate = model.probability_active(x, t_x, age) * (model.r + x) / (model.alpha + age / 7)

    found = model.expected_purchases(x, t_x, age, 1e-6)[0]
    assert found == pytest.approx(1e-6 * rate[0], rel=2e-3, abs=1e-300)


@given(models, st.integers(0, 3000))
def test_who_bought_once_may_have_left(model: PurchaseModel, age: int) -> None:
    """Unlike in BG/NBD, where everybody who bought once is active for sure."""
    active = model.probability_active(*arrays((0, 0, age)))[0]

    assert active < 1
    today = model.probability_active(*arrays((0, 0, 0)))[0]
    assert today == pytest.approx(model.b / (model.a + model.b))


@given(models, histories(), st.integers(1, 500))
def test_silence_makes_it_less_likely_that_a_customer_is_active(
    model: PurchaseModel, history: tuple[int, int, int], longer: int
) -> None:
    """With the same purchases, a longer time since."""
    x, t_x, age = history

    now, later = model.probability_active(*arrays(history, (x, t_x, age + longer)))
    assert later <= now


@given(models, st.lists(histories(), min_size=1, max_size=20), st.data())
def test_the_likelihood_of_all_is_that_of_each(
    model: PurchaseModel, all_histories: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    """Grouped or not, in whatever order; and as the published formula gives it for one."""
    some = st.lists(st.sampled_from(all_histories), max_size=20)
    several = [*all_histories, *data.draw(some)]

    singly = math.fsum(log_likelihood_of_one(model, *history) for history in several)
    assert model.log_likelihood(History.of(*arrays(*several))) == pytest.approx(singly, rel=1e-9)


def log_likelihood_of_one(model: PurchaseModel, x: int, t_x: int, age: int) -> float:
    """Batislam et al. 2007, equation 4, with the gamma and beta functions written out."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b

    def log_beta(one: float, other: float) -> float:
        return math.lgamma(one) + math.lgamma(other) - math.lgamma(one + other)

    common = math.lgamma(r + x) - math.lgamma(r) + r * math.log(alpha) - log_beta(a, b)
    active = log_beta(a, b + x + 1) - (r + x) * math.log(alpha + age / 7)
    left = log_beta(a + 1, b + x) - (r + x) * math.log(alpha + t_x / 7)
    return common + float(np.logaddexp(active, left))


@given(models, st.lists(histories(), min_size=1, max_size=20))
def test_the_gradient_is_that_of_the_likelihood(
    model: PurchaseModel, some: list[tuple[int, int, int]]
) -> None:
    """Compared with differences."""
    likelihood = _Likelihood.of(History.of(*arrays(*some)))
    logs = np.log([model.r, model.alpha, model.a, model.b])

    value, gradient = likelihood.at(logs)
    for at in range(4):
        step = np.zeros(4)
        step[at] = 1e-5
        difference = likelihood.at(logs + step)[0] - likelihood.at(logs - step)[0]
        assert gradient[at] == pytest.approx(
            difference / 2e-5, rel=1e-4, abs=1e-4 + 1e-7 * abs(value)
        )


def test_a_fit_finds_the_parameters_that_made_the_histories() -> None:
    """100,000 customers who behave as the model says, within a tenth."""
    truth = PurchaseModel(r=1.2, alpha=20.0, a=0.9, b=2.6)

    found = fit_purchases(behaving_as(truth, customers=100_000, days=1000))
    for name in ("r", "alpha", "a", "b"):
        assert getattr(found, name) == pytest.approx(getattr(truth, name), rel=0.1)


def behaving_as(model: PurchaseModel, *, customers: int, days: int) -> History:
    """Histories of customers who follow the model, more than one purchase a day left out."""
    chance = np.random.default_rng(1)
    rate = chance.gamma(model.r, 1 / model.alpha, customers)
    leaving = chance.beta(model.a, model.b, customers)
    age = chance.integers(0, days, customers)
    x, last = np.zeros(customers, np.int64), np.zeros(customers, np.int64)
    time = np.zeros(customers)
    active = chance.random(customers) > leaving
    while active.any():
        time += 7 * chance.exponential(1 / rate)
        active &= time < age
        new = active & (time.astype(np.int64) > last)
        x[new] += 1
        last[new] = time[new].astype(np.int64)
        active &= chance.random(customers) > leaving
    return History.of(x, last, age)
