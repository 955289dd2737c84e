"""Compute the forecast, and show it as figures and tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.forecast.backtest import Backtest, Band, backtest
from signoff_insight.forecast.errors import ForecastError
from signoff_insight.forecast.history import DAYS_A_WEEK, Floats, Ints
from signoff_insight.forecast.model import Model, Prediction, fit_customers
from signoff_insight.report import Asked, Column, Reach, Table, Unit, Value
from signoff_insight.views.forecast_reading import Read, first_day, histories, user_ids
from signoff_insight.views.selection import last_day
from signoff_schemas.wording import count

Parts = tuple[Mapping[str, object], tuple[Table, ...], tuple[str, ...], tuple[str, ...]]
"""Figures, tables, warnings and notes of a report."""
LONGEST: Final = 39
"""Weeks that a forecast looks ahead at most."""
MOST: Final = 100
"""Customers that are named."""
_ALIKE: Final = 1_000
"""Customers among whom the last of those named are chosen by their user_id."""
_CENT: Final = Decimal("0.01")
_BANDS: Final = (
    Column("band", "Days with a purchase after the first", Unit.TEXT),
    Column("customers", "Customers"),
    Column("predicted_mean", "Expected purchases a customer", Unit.NUMBER),
    Column("actual_mean", "Actual purchases a customer", Unit.NUMBER),
    Column("predicted_return", "Expected to return", Unit.SHARE),
    Column("returned_share", "Returned", Unit.SHARE),
)
_WEEKS: Final = (
    Column("week", "Week"),
    Column("expected_purchases", "Expected until then", Unit.NUMBER),
    Column("actual_purchases", "Actual until then"),
)
_CUSTOMERS: Final = (
    Column("user_id", "Customer", Unit.TEXT),
    Column("purchases", "Days with a purchase"),
    Column("last_purchase_on", "Last purchase", Unit.DAY),
    Column("p_active", "Still active", Unit.SHARE),
    Column("expected_purchases", "Expected purchases", Unit.NUMBER),
    Column("expected_revenue_usd", "Expected revenue", Unit.USD),
)
_NOTES: Final = (
    (
        "A day with a purchase counts as one purchase, and the first one starts a customer's time."
        " Who has not bought yet is no part of the forecast, so new customers add to what comes."
    ),
    (
        "The weeks and the bands of the backtest compare what was expected with what came. A known"
        " weakness: frequent buyers who are silent for long are given up too soon, so few of them"
        " are expected back, and many come; they have a band of their own."
    ),
    "A cohort is the month of the first purchase; a reviewer or a tag that of the first approval.",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """From when a forecast looks ahead, how far, and from when the same is tested."""

    at: date
    weeks: int
    tested_at: date | None
    """None where the history is too short."""

    @classmethod
    def of(cls, at: date, first: date, last: date) -> "Plan":
        """Test it on what came after it if that is known; else before it, on half of the history.

        Args:
            at: the last day that is known to the forecast.
            first: the first day on which anybody bought.
            last: the day on which the data ends.
        """
        before = min(LONGEST, ((at - first).days + 1) // (2 * DAYS_A_WEEK))
        after = (last - at).days // DAYS_A_WEEK
        if after >= max(before, 1):
            return cls(at, min(LONGEST, after), at)
        if before == 0:
            return cls(at, 1, None)
        return cls(at, before, at - timedelta(weeks=before))


def forecast_of(connection: Connection[TupleRow], asked: Asked, reach: Reach) -> Parts:
    """The parts of the report; where there is no forecast, a warning says why."""
    last = last_day(reach)
    first = first_day(connection, asked, reach)
    if last is None or first is None:
        return _without("There is no forecast: nobody has bought anything yet.")
    at = min(asked.at or last, last)
    if first > at:
        return _without(f"There is no forecast: nobody had bought anything by {at}.")
    plan = Plan.of(at, first, last)
    try:
        return _forecast(connection, asked, reach, plan)
    except ForecastError as error:
        return _without(f"There is no forecast for {at}. {error}")


def _without(reason: str) -> Parts:
    names = ("at", "parameters", "log_likelihood", "totals", "backtest")
    return {**dict.fromkeys(names), "unit": "weeks"}, _tables((), None), (reason,), ()


def _forecast(connection: Connection[TupleRow], asked: Asked, reach: Reach, plan: Plan) -> Parts:
    known = histories(connection, asked, reach, plan.at, plan.weeks)
    tested = _tested(connection, asked, reach, plan, known)
    passed = tested if isinstance(tested, Backtest) else None
    is_same = passed is not None and plan.tested_at == plan.at
    model = passed.model if passed and is_same else fit_customers(known.customers)
    prediction = model.predict(known.customers, plan.weeks)
    figures = {
        "at": plan.at,
        "unit": "weeks",
        "parameters": model.parameters,
        "log_likelihood": {
            "mbg_nbd": model.log_likelihood,
            "gamma_gamma": model.log_likelihood_of_spend,
        },
        "totals": _totals(plan, model, prediction),
        "backtest": passed and _errors(plan, passed),
    }
    top = tuple(_top(connection, plan, known, prediction))
    notes = (*_said(plan, tested), *_NOTES)
    return figures, _tables(top, passed), tuple(_warnings(asked, plan, model, tested)), notes


def _tested(
    connection: Connection[TupleRow], asked: Asked, reach: Reach, plan: Plan, known: Read
) -> Backtest | str:
    """The backtest, or why there is none."""
    if plan.tested_at is None:
        return "the history is shorter than two weeks."
    try:
        if plan.tested_at == plan.at:
            return backtest(known.customers, known.outcome, plan.weeks)
        before = histories(connection, asked, reach, plan.tested_at, plan.weeks)
        return backtest(before.customers, before.outcome, plan.weeks)
    except ForecastError as error:
        return f"on {plan.tested_at}, half of it, there was too little. {error}"


def _totals(plan: Plan, model: Model, prediction: Prediction) -> Mapping[str, object]:
    revenue = prediction.revenue
    return {
        "customers": model.customers,
        "repeat_buyers": model.repeat_buyers,
        "weeks": plan.weeks,
        "until": plan.at + timedelta(weeks=plan.weeks),
        "expected_active": float(prediction.active.sum()),
        "expected_returning": float(prediction.returns.sum()),
        "expected_purchases": float(prediction.purchases.sum()),
        "expected_revenue_usd": None if revenue is None else round(float(revenue.sum()), 2),
    }


def _errors(plan: Plan, tested: Backtest) -> Mapping[str, object]:
    revenue, weakness = tested.revenue, tested.frequent_and_silent
    return {
        "at": plan.tested_at,
        "weeks": tested.horizon,
        "customers": tested.model.customers,
        "expected_purchases": tested.purchases.predicted,
        "actual_purchases": round(tested.purchases.actual),
        "mae": tested.purchases.mae,
        "rmse": tested.purchases.rmse,
        "r": tested.purchases.correlation,
        "bias": tested.purchases.bias,
        "expected_revenue_usd": revenue and round(revenue.predicted, 2),
        "actual_revenue_usd": revenue and round(revenue.actual, 2),
        "revenue_mae": revenue and revenue.mae,
        "revenue_r": revenue and revenue.correlation,
        "revenue_bias": revenue and revenue.bias,
        "frequent_and_silent": weakness
        and {
            "customers": weakness.customers,
            "predicted_return": weakness.predicted_return,
            "returned_share": weakness.actual_return,
        },
    }


def _warnings(asked: Asked, plan: Plan, model: Model, tested: Backtest | str) -> Iterator[str]:
    if asked.at and asked.at > plan.at:
        yield f"The data ends on {plan.at}: the forecast looks ahead from there."
    if isinstance(tested, str):
        yield f"Nothing shows how wrong this forecast may be: {tested}"
    if model.at_border:
        yield (
            "These customers do not buy as the model assumes, so do not trust its numbers much: of"
            f" {', '.join(model.at_border)} the data tell only that they are very small or very"
            " large. Customers of one kind, chosen by the filters, may fit better."
        )
    if model.spend is None:
        yield (
            "There is no forecast of revenue: too few customers spent anything after their first"
            " day with a purchase."
        )


def _said(plan: Plan, tested: Backtest | str) -> Iterator[str]:
    if not isinstance(tested, str):
        bias = tested.purchases.bias
        off = "" if bias is None else f"; in all it expected {_off(bias)}"
        yield (
            f"The same forecast of {count(tested.horizon, 'week')} from {plan.tested_at} was wrong"
            f" by {tested.purchases.mae:.3f} purchases a customer on average{off}."
        )


def _off(bias: float) -> str:
    if not round(bias, 3):
        return "as many as came"
    return f"{100 * abs(bias):.1f} % too {'many' if bias > 0 else 'few'}"


def _tables(top: Sequence[tuple[Value, ...]], tested: Backtest | None) -> tuple[Table, ...]:
    bands = tuple(map(_band, _bands(tested))) if tested else ()
    weeks = tested.weeks if tested else ()
    return (
        Table(
            "weeks",
            "Backtest by week",
            _WEEKS,
            tuple((week.week, week.predicted, week.actual) for week in weeks),
        ),
        Table("bands", "Backtest by frequency", _BANDS, bands),
        Table("customers", f"The {MOST} of whom most is expected", _CUSTOMERS, tuple(top)),
    )


def _bands(tested: Backtest) -> Sequence[Band]:
    weakness = tested.frequent_and_silent
    return (*tested.by_frequency, *([weakness] if weakness else []))


def _band(band: Band) -> tuple[Value, ...]:
    return (
        band.name.removeprefix("x "),
        band.customers,
        band.predicted_purchases,
        band.actual_purchases,
        band.predicted_return,
        band.actual_return,
    )


def _top(
    connection: Connection[TupleRow], plan: Plan, known: Read, prediction: Prediction
) -> Iterator[tuple[Value, ...]]:
    """Those with the most expected revenue, or the most expected purchases without revenue."""
    revenue = prediction.revenue
    value = prediction.purchases if revenue is None else revenue
    chosen = _largest(value)
    numbers = known.numbers[chosen].tolist()
    users = user_ids(connection, numbers)
    ranked = sorted(
        zip(chosen.tolist(), numbers, strict=True),
        key=lambda one: (-value[one[0]], users.get(one[1], "")),
    )
    for at, number in ranked[:MOST]:
        x, t_x, age = (int(each[at]) for each in _history(known))
        yield (
            users.get(number),
            x + 1,
            plan.at - timedelta(days=age - t_x),
            float(prediction.active[at]),
            float(prediction.purchases[at]),
            None if revenue is None else Decimal(float(revenue[at])).quantize(_CENT),
        )


def _history(known: Read) -> tuple[Ints, Ints, Ints]:
    return known.customers.x, known.customers.t_x, known.customers.age


def _largest(value: Floats) -> Ints:
    """Where the largest values are, and those that are equal to the last of them."""
    if len(value) <= MOST:
        return np.arange(len(value))
    last = np.partition(value, -MOST)[-MOST]
    more = np.flatnonzero(value > last)
    return np.concatenate([more, np.flatnonzero(value == last)[:_ALIKE]])
