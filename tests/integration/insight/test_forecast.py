"""The forecast: from events to the published parameters, and what is said of poor data."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import cdnow_1in10
import numpy as np
import pytest
from approvals import approval
from cdnow_1in10_events import cdnow_1in10_events
from insight import answer, build_facts, view
from plain_insight import PlainCustomer, day_of
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import connect
from signoff_insight.forecast.backtest import backtest
from signoff_insight.forecast.history import Customers
from signoff_insight.forecast.model import fit_customers
from signoff_insight.report import Asked, Report
from signoff_insight.views.forecast_report import Plan
from signoff_schemas import ApprovalEvent

Facts = Connection[TupleRow]
Databases = Callable[[], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def facts(databases: Databases) -> Iterator[Facts]:
    """A connection to a database with the facts of the reference sample; only to be read."""
    with databases() as url:
        build_facts(url, cdnow_1in10_events())
        with connect(url) as connection:
            yield connection


@pytest.fixture(scope="module")
def published(facts: Facts) -> Report:
    """The forecast at the end of the 39 weeks to which the literature fits."""
    return answer(facts, "forecast", Asked(at=cdnow_1in10.CUTOFF))


def test_the_parameters_are_the_published_ones(published: Report) -> None:
    """From approval events through facts to three places, with both likelihoods."""
    assert published.figures["parameters"] == pytest.approx(
        {
            "r": 0.525,
            "alpha": 6.183,
            "a": 0.891,
            "b": 1.614,
            "p": 6.25,
            "q": 3.744,
            "gamma": 15.444,
        },
        abs=0.0005,
    )
    assert published.figures["log_likelihood"] == pytest.approx(
        {"mbg_nbd": -9582.1, "gamma_gamma": -4055.918}, abs=0.05
    )
    assert published.figures["unit"] == "weeks"


def test_a_forecast_of_the_past_is_tested_on_what_came(published: Report) -> None:
    """39 weeks are known after that day; the errors are those that were measured elsewhere."""
    found = _figures(published, "backtest")
    assert (found["at"], found["weeks"], found["actual_purchases"]) == (
        cdnow_1in10.CUTOFF,
        39,
        1882,
    )
    errors = {name: found[name] for name in ("mae", "rmse", "r", "bias")}
    expected = {"mae": 0.765, "rmse": 1.607, "r": 0.627, "bias": -0.162}
    assert errors == pytest.approx(expected, abs=0.0005)
    assert found["revenue_bias"] == pytest.approx(-0.195, abs=0.0005)
    assert found["frequent_and_silent"] == pytest.approx(
        {"customers": 17, "predicted_return": 0.026, "returned_share": 6 / 17}, abs=0.0005
    )
    assert "wrong by 0.765 purchases a customer" in published.notes[0]
    totals = _figures(published, "totals")
    assert (totals["customers"], totals["weeks"]) == (2357, 39)
    assert totals["expected_purchases"] == found["expected_purchases"]
    assert totals["expected_revenue_usd"] == found["expected_revenue_usd"]


def test_the_tables_are_those_of_the_backtest(published: Report) -> None:
    """By week and by frequency, with the known weakness as a band of its own."""
    result = backtest(*cdnow_1in10.known_and_later(), cdnow_1in10.WEEKS)
    weeks = published.table("weeks").rows
    assert [(week, actual) for week, _, actual in weeks] == [
        (one.week, one.actual) for one in result.weeks
    ]
    assert [row[1] for row in weeks] == pytest.approx([one.predicted for one in result.weeks])
    weakness = result.frequent_and_silent
    assert weakness is not None
    names = ("0", "1", "2", "3", "4-6", "7+", "3+, silent 26+ weeks")
    for row, name, band in zip(
        published.table("bands").rows, names, (*result.by_frequency, weakness), strict=True
    ):
        assert row[:2] == (name, band.customers)
        assert row[2:] == pytest.approx(
            (
                band.predicted_purchases,
                band.actual_purchases,
                band.predicted_return,
                band.actual_return,
            )
        )


def test_the_customers_of_whom_most_is_expected_are_named(published: Report) -> None:
    """A hundred of them, in the order of the revenue that a plain loop expects."""
    known, _ = cdnow_1in10.known_and_later()
    prediction = fit_customers(known).predict(known, 39)
    assert prediction.revenue is not None
    users = np.unique(cdnow_1in10.purchases().customer)
    rows = published.table("customers").rows
    best = sorted(prediction.revenue.tolist(), reverse=True)[:100]
    assert [float(str(row[5])) for row in rows] == pytest.approx(best, abs=0.006)
    for user, purchases, last, active, expected, _ in rows:
        at = int(np.searchsorted(users, int(str(user))))
        assert purchases == known.x[at] + 1
        assert last == cdnow_1in10.CUTOFF - timedelta(days=int(known.age[at] - known.t_x[at]))
        assert (active, expected) == pytest.approx(
            (prediction.active[at], prediction.purchases[at])
        )


def test_a_forecast_of_now_is_tested_before_now(facts: Facts) -> None:
    """On half of the history, which is the same 39 weeks; a day to come is the last one known."""
    report = answer(facts, "forecast")
    assert report.figures["at"] == date(1998, 6, 30)
    found = _figures(report, "backtest")
    assert (found["at"], found["weeks"]) == (cdnow_1in10.CUTOFF, 39)
    assert found["mae"] == pytest.approx(0.765, abs=0.0005)
    assert _figures(report, "totals")["until"] == date(1998, 6, 30) + timedelta(weeks=39)
    later = answer(facts, "forecast", Asked(at=date(2001, 1, 1)))
    assert later.figures == report.figures
    assert "The data ends on 1998-06-30" in later.warnings[0]


@pytest.mark.parametrize(
    ("at", "plan"),
    [
        (date(2026, 12, 31), Plan(date(2026, 12, 31), 26, date(2026, 7, 2))),
        (date(2026, 12, 30), Plan(date(2026, 12, 30), 26, date(2026, 7, 1))),
        (date(2026, 3, 31), Plan(date(2026, 3, 31), 39, date(2026, 3, 31))),
        (date(2026, 9, 30), Plan(date(2026, 9, 30), 19, date(2026, 5, 20))),
        (date(2026, 1, 5), Plan(date(2026, 1, 5), 39, date(2026, 1, 5))),
    ],
)
def test_a_forecast_is_tested_after_its_day_if_that_is_long_enough(at: date, plan: Plan) -> None:
    """Of a year of data: as many weeks as half of what is known by then, and at most 39."""
    assert Plan.of(at, date(2026, 1, 1), date(2026, 12, 31)) == plan


def test_a_history_of_some_days_is_not_tested() -> None:
    """There is no week before it, and none after it."""
    assert Plan.of(date(2026, 1, 13), date(2026, 1, 1), date(2026, 1, 13)).tested_at is None


@pytest.mark.parametrize(
    "asked",
    [
        Asked(at=date(2021, 9, 1)),
        Asked(at=date(2021, 9, 1), reviewer="rev-3"),
        Asked(at=date(2021, 9, 1), tag="TONE_CASUAL"),
        Asked(at=date(2021, 9, 1), cohort=date(2021, 1, 1)),
    ],
)
def test_the_models_are_fitted_to_the_customers_asked_for(
    cdnow_facts: Facts, cdnow_customers: Mapping[str, PlainCustomer], asked: Asked
) -> None:
    """The same likelihoods as from histories that plain Python reads off the purchases."""
    assert asked.at is not None
    known = Customers.read(_histories(cdnow_customers, asked, asked.at))
    report = answer(cdnow_facts, "forecast", asked)
    model = fit_customers(known)
    assert report.figures["parameters"] == pytest.approx(model.parameters, rel=1e-6)
    assert _figures(report, "totals")["customers"] == len(known)
    assert _figures(report, "totals")["repeat_buyers"] == int((known.x > 0).sum())


def test_the_order_of_arrival_changes_no_digit(databases: Databases) -> None:
    """Not even the last one of a float."""
    events = _events(random.Random(15), 60)
    reports = []
    for seed in (1, 2):
        with databases() as url:
            build_facts(url, random.Random(seed).sample(events, len(events)))
            reports.append(view(url, "forecast"))
    assert reports[0].figures["parameters"] is not None
    assert reports[0].figures == reports[1].figures
    assert reports[0].tables == reports[1].tables


def test_poor_data_end_in_a_note(database_url: str) -> None:
    """No events, nobody who bought by then, too few who came back: what is missing is said."""
    assert _no_forecast(view(database_url, "forecast")) == (
        "There is no forecast: nobody has bought anything yet."
    )
    build_facts(database_url, [_purchase("ann", date(2026, 3, 1), "5")])
    asked = Asked(at=date(2026, 2, 1))
    assert _no_forecast(view(database_url, "forecast", asked)) == (
        "There is no forecast: nobody had bought anything by 2026-02-01."
    )
    assert "needs 20 customers" in _no_forecast(view(database_url, "forecast"))


def test_what_is_not_known_of_a_forecast_is_said(database_url: str) -> None:
    """Customers who came back for nothing, all in ten days: no revenue, and no backtest."""
    events = []
    for n in range(30):
        events.append(_purchase(f"user-{n}", date(2026, 3, 1), "5"))
        events.append(_purchase(f"user-{n}", date(2026, 3, 4 + n % 7), "0"))
    build_facts(database_url, events)
    report = view(database_url, "forecast")
    assert report.figures["backtest"] is None
    assert _figures(report, "totals")["expected_revenue_usd"] is None
    assert "shorter than two weeks" in report.warnings[0]
    assert "no forecast of revenue" in report.warnings[-1]
    customers = report.table("customers").rows
    assert len(customers) == 30
    assert {row[5] for row in customers} == {None}
    assert [row[4] for row in customers] == sorted((row[4] for row in customers), reverse=True)  # type: ignore[type-var]


def _figures(report: Report, name: str) -> Mapping[str, object]:
    found = report.figures[name]
    assert isinstance(found, Mapping)
    return found


def _no_forecast(report: Report) -> str:
    """The warning of a report without a forecast."""
    assert report.figures["parameters"] is None
    assert {table.rows for table in report.tables} == {()}
    (warning,) = report.warnings
    return warning


def _histories(
    customers: Mapping[str, PlainCustomer], asked: Asked, at: date
) -> Iterator[tuple[int, int, int, Decimal]]:
    for one in customers.values():
        if asked.reviewer not in (None, one.first_reviewer):
            continue
        if asked.tag is not None and asked.tag not in one.first_tags:
            continue
        days = sorted({day_of(each.occurred_at) for each in one.purchases})
        known = [day for day in days if day <= at]
        if not known or asked.cohort not in (None, known[0].replace(day=1)):
            continue
        spend = sum(
            (each.usd for each in one.purchases if known[0] < day_of(each.occurred_at) <= at),
            Decimal(0),
        )
        yield len(known) - 1, (known[-1] - known[0]).days, (at - known[0]).days, spend


def _events(chance: random.Random, users: int) -> Sequence[ApprovalEvent]:
    return [
        _purchase(
            f"user-{n}",
            date(2026, 1, 1) + timedelta(days=chance.randint(0, 200)),
            f"{chance.randint(1, 9999) / 100}",
        )
        for n in range(users)
        for _ in range(chance.randint(1, 6))
    ]


def _purchase(user: str, day: date, usd: str) -> ApprovalEvent:
    return approval(
        occurred_at=f"{day}T12:00:00Z",
        interaction_id=uuid4(),
        user_id=user,
        customer_status="CUSTOMER",
        ltv_amount=usd,
    )
