"""The forecast of a customer base, whatever its data are like."""

import cdnow_1in10
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signoff_insight.forecast.backtest import backtest, errors_of
from signoff_insight.forecast.errors import HistoryError, TooFewCustomersError
from signoff_insight.forecast.history import Customers, Floats
from signoff_insight.forecast.model import Model, fit, fit_customers
from signoff_insight.forecast.purchases import Outcome, Purchases, split

N = 40


def alike(x: int, t_x: int, age: int, spend: float, customers: int = N) -> Customers:
    """So many customers with the same history."""
    return Customers.of([x] * customers, [t_x] * customers, [age] * customers, [spend] * customers)


def together(*some: Customers) -> Customers:
    """All of these customers."""
    return Customers.of(
        np.concatenate([one.x for one in some]),
        np.concatenate([one.t_x for one in some]),
        np.concatenate([one.age for one in some]),
        np.concatenate([one.spend for one in some]),
    )


def check(model: Model, customers: Customers) -> None:
    """All that is predicted is a number that makes sense."""
    for horizon in (0.1, 39.0, 520.0):
        prediction = model.predict(customers, horizon)
        for values in (prediction.active, prediction.returns):
            assert ((values >= 0) & (values <= 1)).all()
        assert prediction.revenue is not None or model.spend is None
        for some in (prediction.purchases, prediction.revenue):
            assert some is None or (np.isfinite(some) & (some >= 0)).all()


def test_equal_data_give_equal_parameters_bit_by_bit() -> None:
    """In whatever order the customers come, and counted or one by one."""
    customers, _ = cdnow_1in10.known_and_later()
    order = np.random.default_rng(4).permutation(len(customers))
    shuffled = Customers.of(
        customers.x[order], customers.t_x[order], customers.age[order], customers.spend[order]
    )

    first = fit_customers(customers)
    assert fit_customers(shuffled) == first
    rows = cdnow_1in10.purchases()
    order = np.random.default_rng(4).permutation(len(rows.day))
    mixed = Purchases(rows.customer[order], rows.day[order], rows.amount[order])
    again, _ = split(mixed, cdnow_1in10.CUTOFF.toordinal(), cdnow_1in10.WEEKS)
    assert fit_customers(again) == first
    assert fit(customers.history(), customers.spends()) == first


@pytest.mark.parametrize(
    "customers",
    [alike(0, 0, 0, 0.0, 0), alike(0, 0, 50, 0.0), alike(2, 20, 50, 9.0, 19)],
    ids=["nobody", "everybody bought once", "19 came back"],
)
def test_too_few_who_came_back_is_said(customers: Customers) -> None:
    """How many are needed, how many there are, and what to do."""
    with pytest.raises(TooFewCustomersError, match=r"needs 20 customers .* Choose a later date"):
        fit_customers(customers)


@pytest.mark.parametrize(
    "customers",
    [
        alike(2, 20, 50, 60.0),
        alike(2, 50, 50, 60.0),
        alike(1, 1, 1, 5.0),
        alike(50, 50, 50, 50.0),
        alike(1, 1, 5000, 5.0),
        alike(3, 30, 36_500, 1.0),
        alike(3000, 4000, 4000, 3e9),
        together(alike(0, 0, 50, 0.0), alike(50, 50, 50, 50.0)),
        together(alike(0, 0, 500, 0.0), alike(1, 1, 500, 0.01)),
        together(alike(3, 30, 90, 3.0), alike(3, 30, 90, 3e12)),
    ],
    ids=[
        *("same", "on the last day", "a day old", "every day", "left at once", "a century"),
        *("thousands", "once or daily", "once or twice", "cheap or dear"),
    ],
)
def test_customers_who_are_all_alike_have_a_forecast(customers: Customers) -> None:
    """Parameters of which the data tell nothing end at a border, which is said."""
    model = fit_customers(customers)

    assert model.at_border
    check(model, customers)


def test_one_price_is_the_expected_spend() -> None:
    """As in a shop with one subscription."""
    customers = together(alike(0, 0, 300, 0.0), alike(2, 100, 300, 198.0), alike(1, 9, 300, 99.0))

    model = fit_customers(customers)
    assert model.spend is not None
    assert model.spend.mean == pytest.approx(99, rel=0.01)
    assert "p" in model.at_border
    check(model, customers)


def test_without_spend_there_is_no_revenue() -> None:
    """Purchases are expected all the same."""
    customers = together(alike(0, 0, 90, 0.0), alike(3, 30, 90, 0.0))
    model = fit_customers(customers)

    assert (model.spend, model.log_likelihood_of_spend, model.spenders) == (None, None, 0)
    assert set(model.parameters) == {"r", "alpha", "a", "b"}
    check(model, customers)
    outcome = Outcome.of([0] * (2 * N), [0.0] * (2 * N))
    assert backtest(customers, outcome, 39).revenue is None


@st.composite
def customer_bases(draw: st.DrawFn) -> Customers:
    """Any 20 to 80 customers who came back, and some who did not."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(20, 80))
    oldest = draw(st.sampled_from([1, 3, 30, 400, 4000]))
    often, late, rich = (draw(st.sampled_from([0.0, 0.3, 1.0, 5.0])) for _ in range(3))

    age = chance.integers(1, oldest + 1, count)
    t_x = np.ceil(age * (1 - chance.random(count)) ** late).astype(np.int64)
    x = np.ceil(t_x * (1 - chance.random(count)) ** often).astype(np.int64)
    spend = x * np.exp(chance.normal(3, rich, count))
    once = draw(st.integers(0, 200))
    return together(Customers.of(x, t_x, age, spend), alike(0, 0, oldest, 0.0, once))


@given(customer_bases())
@settings(max_examples=60, deadline=None)
def test_any_customer_base_has_a_forecast(customers: Customers) -> None:
    """However little its histories are those of the model."""
    check(fit_customers(customers), customers)


@pytest.mark.parametrize("horizon", [0.0, -1.0, float("nan"), float("inf")])
def test_a_forecast_looks_ahead(horizon: float) -> None:
    """Some weeks, not none, nor all time."""
    customers = alike(2, 20, 50, 60.0)

    with pytest.raises(HistoryError, match="weeks ahead"):
        fit_customers(customers).predict(customers, horizon)


def test_outcomes_belong_to_the_customers() -> None:
    """One each, and for all weeks or none."""
    customers = alike(2, 20, 50, 60.0)

    with pytest.raises(HistoryError, match="one outcome"):
        backtest(customers, Outcome.of([1], [5.0]), 39)
    with pytest.raises(HistoryError, match="39 weeks, and outcomes of 2"):
        backtest(customers, Outcome.of([1] * N, [5.0] * N, [3, 4]), 39)
    assert backtest(customers, Outcome.of([1] * N, [5.0] * N), 39).weeks == ()


def test_who_leaves_at_once_or_never_is_found() -> None:
    """One in five never came back; the others bought often to the last day, so they never leave.

    There is a second, lower maximum, where nobody leaves and rates vary widely instead.
    """
    age = np.arange(400) % 10 + 1
    x = np.ceil(age * np.linspace(0.3, 1, 400) ** 2).astype(np.int64)
    once = Customers.of([0] * 100, [0] * 100, np.arange(100) % 10 + 1, [0.0] * 100)

    found = fit_customers(together(Customers.of(x, age, age, 10.0 * x), once)).purchases
    assert found.a / (found.a + found.b) == pytest.approx(0.13, abs=0.01)
    assert found.r > 50


def test_errors_are_those_of_their_definitions() -> None:
    """A case by hand; without variation there is no correlation, without purchases no bias."""
    errors = errors_of(values(1, 2, 3), values(1, 4, 1))
    assert (errors.predicted, errors.actual, errors.bias) == (6, 6, 0)
    assert errors.mae == pytest.approx(4 / 3)
    assert errors.rmse == pytest.approx((8 / 3) ** 0.5)
    assert errors.correlation == pytest.approx(0)

    nothing = errors_of(values(1, 2), values(0, 0))
    assert (nothing.correlation, nothing.bias) == (None, None)


def values(*some: float) -> Floats:
    """As an array."""
    return np.array(some, np.float64)
