"""What the charts of `signoff demo` show of its history."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from insight import answer, build_facts, cells
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import connect
from signoff_insight.report import Asked
from signoff_ops.demo_history import NEW_CTA, NEW_CTA_DAYS, history, months_before
from signoff_ops.demo_reviews import WAITING, insert_reviews
from signoff_ops.servers import DirectServers
from signoff_schemas import Settings

DAY = date(2025, 11, 29)
Facts = Connection[TupleRow]


@pytest.fixture(scope="module")
def facts(module_database_url: str) -> Iterator[Facts]:
    """A connection to the facts of the demo's history; only to be read."""
    build_facts(module_database_url, history(DAY))
    with connect(module_database_url) as connection:
        yield connection


def test_more_prospects_convert_since_the_new_cta(facts: Facts) -> None:
    """In the months that are fully observed; the last one is not."""
    months = answer(facts, "funnel", Asked(since=months_before(DAY, 12))).table("months").records
    rows = list(months)
    assert [row["is_complete"] for row in rows] == [True] * 11 + [False, False]
    introduced = DAY - timedelta(days=NEW_CTA_DAYS)
    shares: dict[bool, list[float]] = {True: [], False: []}
    for row in rows:
        month, share = row["month"], row["share_converted"]
        if row["is_complete"] and isinstance(month, date) and isinstance(share, float):
            shares[month >= introduced].append(share)
    mean = {is_new: sum(found) / len(found) for is_new, found in shares.items()}
    assert 0.1 < mean[False] < mean[True] - 0.1


def test_the_new_cta_goes_together_with_conversions(facts: Facts) -> None:
    """It alone: no tag and no reviewer does, of which the history has no effect."""
    asked = Asked(since=DAY - timedelta(days=NEW_CTA_DAYS))
    pooled = cells(answer(facts, "reviewers", asked), "pooled", "factor", "value")
    lows = {key: row["difference_low"] for key, row in pooled.items()}
    assert [key for key, low in lows.items() if isinstance(low, float) and low > 0] == [
        ("cta", NEW_CTA)
    ]


def test_the_new_cta_is_compared_over_the_whole_history(facts: Facts) -> None:
    """Without any filter: of enough customers, and about as much as the history makes it."""
    pooled = cells(answer(facts, "reviewers"), "pooled", "factor", "value")
    row = pooled["cta", NEW_CTA]
    low, difference = row["difference_low"], row["difference"]
    assert not row["is_small"]
    assert isinstance(low, float)
    assert isinstance(difference, float)
    assert 0.1 < low < difference < 0.45


def test_some_buy_again_and_some_come_back(facts: Facts) -> None:
    """Cohorts are observed for up to a year and more, and reactivations are named."""
    retention = cells(answer(facts, "cohorts"), "cells", "cohort", "age_months")
    ages = {key[1] for key in retention if isinstance(key, tuple)}
    assert max(age for age in ages if isinstance(age, int)) >= 12
    again = [row["share"] for key, row in retention.items() if isinstance(key, tuple) and key[1]]
    assert sum(1 for share in again if isinstance(share, float) and share > 0) > len(again) / 2
    moves = answer(facts, "journeys").table("moves").records
    assert any(move["is_reactivation"] for move in moves)


def test_the_forecast_is_about_right(facts: Facts) -> None:
    """Its backtest is off by less than half, and who bought often is expected back more often."""
    forecast = answer(facts, "forecast")
    backtest = forecast.figures["backtest"]
    assert isinstance(backtest, dict)
    assert 0.01 < abs(backtest["bias"]) < 0.5
    assert f"expected {100 * abs(backtest['bias']):.1f} % too " in forecast.notes[0]
    bands = forecast.table("bands").rows
    assert len(bands) > 3


def test_the_desk_has_figures(module_database_url: str, facts: Facts) -> None:
    """Reviews of the last 90 days by day and reviewer, with edits, and some that wait."""
    events = history(DAY)
    inserted = insert_reviews(DirectServers(Settings(database_url=module_database_url)), events)
    assert inserted > len(events)
    desk = answer(facts, "desk", Asked(since=DAY - timedelta(days=90)))
    (now,) = desk.table("now").records
    assert now["waiting"] == WAITING
    assert len(desk.table("days").rows) > 80
    assert len(desk.table("reviewers").rows) == 5
    assert len(desk.table("edits").rows) > 5
