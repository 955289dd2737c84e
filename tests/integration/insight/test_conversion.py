"""Conversion for monitoring: its figures for Prometheus, and the alert where it falls."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
import web
from entries import BEFORE, RECENT, end_of_data, entries
from insight import apply_all, build_facts, keep_facts

from signoff_db.alerts import CONVERSION, is_noted, news
from signoff_db.connection import connect
from signoff_ops.alert_conversion import Look, conversion_alert_once
from signoff_ops.hook import HookError
from signoff_ops.servers import DirectServers
from signoff_schemas import Settings
from signoff_schemas.access import Scope


class Hook:
    """Takes messages, or refuses them."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.refuses = False

    def __call__(self, message: bytes) -> None:
        """Take a message."""
        if self.refuses:
            raise HookError("refused")
        self.messages.append(json.loads(message))


@pytest.fixture
def hook() -> Hook:
    """A hook that takes all."""
    return Hook()


def look(database_url: str, hook: Hook, **settings: object) -> Look:
    """A look at conversion; a fall by a fifth is alerted unless the settings say otherwise."""
    loaded = Settings.load(
        **{"database_url": database_url, "alert_conversion_drop": 0.2} | settings
    )
    return conversion_alert_once(DirectServers(loaded), hook, stopped=lambda _: True)


def add(database_url: str, *events: Any) -> None:
    """Apply events, and bring the facts up to date."""
    apply_all(database_url, events)
    keep_facts(database_url)


@pytest.fixture
def fallen_url(database_url: str) -> str:
    """A database in which conversion fell from 30 % to 5 %."""
    build_facts(
        database_url,
        [
            *entries(BEFORE, 100, 30),
            *entries(RECENT - timedelta(days=1), 100, 30),
            *entries(RECENT, 30, 3),
            *entries(RECENT + timedelta(days=6), 30, 0),
            # Too late to be a conversion within 30 days, and not observed for so long.
            *entries(RECENT, 1, 1, after=timedelta(days=31)),
            *entries(RECENT + timedelta(days=7), 80, 80),
            # Before the four weeks.
            *entries(BEFORE - timedelta(days=1), 50, 0),
            end_of_data(),
        ],
    )
    return database_url


def test_a_fall_is_alerted_with_its_numbers(fallen_url: str, hook: Hook) -> None:
    """The week, the four weeks before it, and where to look."""
    sent = look(fallen_url, hook, web_url="https://signoff.example/").sent
    (message,) = hook.messages
    assert message["text"] == sent
    assert sent == (
        "Signoff: conversion within 30 days fell by 84 %: 3 of 61 customers (4.9 %) who became "
        "prospects from 2026-04-25 to 2026-05-01, after 60 of 200 customers (30.0 %) in the four "
        "weeks before; see https://signoff.example/insight/funnel?within=30"
    )
    assert message["alert"] == "conversion"
    assert message["url"] == "https://signoff.example/insight/funnel?within=30"
    assert message["recent"] == {
        "since": "2026-04-25",
        "until": "2026-05-02",
        "customers": 61,
        "converted": 3,
        "share": 0.0492,
    }
    assert message["before"]["customers"] == 200
    assert (message["within_days"], message["threshold"]) == (30, 0.2)


def test_without_a_web_service_it_names_the_command(fallen_url: str, hook: Hook) -> None:
    """And has no link."""
    sent = look(fallen_url, hook).sent
    assert sent
    assert sent.endswith("see `signoff insight funnel --within 30`")
    assert "url" not in hook.messages[0]


def test_a_fall_is_alerted_once(fallen_url: str, hook: Hook) -> None:
    """Again only after it was made good, however often somebody looks."""
    assert look(fallen_url, hook).sent
    assert look(fallen_url, hook) == Look()
    add(fallen_url, *entries(RECENT, 60, 50))
    assert look(fallen_url, hook) == Look()
    add(fallen_url, *entries(RECENT, 300, 0))
    assert look(fallen_url, hook).sent
    assert len(hook.messages) == 2


def test_a_hook_that_refuses_gets_it_at_the_next_look(fallen_url: str, hook: Hook) -> None:
    """Nothing is noted as sent."""
    hook.refuses = True
    with pytest.raises(HookError):
        look(fallen_url, hook)
    hook.refuses = False
    assert look(fallen_url, hook).sent


def test_looks_at_dead_letters_leave_it_noted(fallen_url: str, hook: Hook) -> None:
    """Theirs forget what is over, which only a look at conversion can tell of conversion."""
    assert look(fallen_url, hook).sent
    with connect(fallen_url) as connection:
        connection.execute("UPDATE alerts SET alerted_at = alerted_at - interval '1 day'")
        assert news(connection, limit=1000) is None
        assert is_noted(connection, CONVERSION)
    assert look(fallen_url, hook) == Look()


@pytest.mark.parametrize("drop", [None, 0.9])
def test_a_smaller_fall_is_not_alerted(fallen_url: str, hook: Hook, drop: float | None) -> None:
    """Nor any, where no threshold is set."""
    assert look(fallen_url, hook, alert_conversion_drop=drop) == Look()


def test_what_may_be_chance_is_not_alerted(database_url: str, hook: Hook) -> None:
    """Of few customers, 22 % after 30 % is no news."""
    build_facts(database_url, [*entries(BEFORE, 200, 60), *entries(RECENT, 50, 11), end_of_data()])
    assert look(database_url, hook) == Look()


def test_other_days_are_compared_by_the_setting(fallen_url: str, hook: Hook) -> None:
    """Those who were observed for one day are other customers than those observed for 30."""
    found = look(fallen_url, hook, alert_conversion_days=1)
    assert found.not_compared
    assert "0 from 2026-05-24 to 2026-05-30, 110 in the four weeks before" in found.not_compared


def test_too_few_customers_are_not_compared(database_url: str, hook: Hook) -> None:
    """It says how many there are."""
    build_facts(database_url, [*entries(BEFORE, 49, 40), *entries(RECENT, 60, 0), end_of_data()])
    assert look(database_url, hook).not_compared == (
        "too few customers became prospects: 60 from 2026-04-25 to 2026-05-01, 49 in the four "
        "weeks before"
    )


def test_facts_that_are_not_there_are_not_compared(database_url: str, hook: Hook) -> None:
    """Neither those that were never built, nor those of an empty ledger."""
    assert "are being computed" in (look(database_url, hook).not_compared or "")
    keep_facts(database_url)
    assert look(database_url, hook).not_compared == "there are no events yet"


@pytest.fixture
def reader(redis_url: str, database_url: str) -> Iterator[httpx.Client]:
    """A client that may read."""
    allowed = web.acting_as("any", Scope.READ)
    with web.client(redis_url, database_url, authenticate=allowed) as client:
        yield client


def metrics(reader: httpx.Client) -> dict[str, float]:
    """The figures by name and labels."""
    lines = reader.get("/metrics").text.splitlines()
    pairs = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return {name: float(value) for name, _, value in pairs}


def test_prometheus_gets_the_figures_of_customers(fallen_url: str, reader: httpx.Client) -> None:
    """Customers by status, LTV, moves, and conversion of the last four weeks observed."""
    assert fallen_url
    found = metrics(reader)
    assert found['signoff_customers{status="CUSTOMER"}'] == 144
    assert found['signoff_customers{status="PROSPECT"}'] == 248
    assert found['signoff_customers{status="CHURNED"}'] == 0
    assert found["signoff_ltv_usd"] == 0
    assert found['signoff_transitions_total{from="PROSPECT",to="CUSTOMER"}'] == 144
    # From 2026-04-04 to 2026-05-01: 100 of the day before RECENT, and 61.
    assert found['signoff_conversion_ratio{within_days="30"}'] == pytest.approx(33 / 161)


def test_figures_of_customers_are_read_once_a_minute(fallen_url: str, reader: httpx.Client) -> None:
    """Whoever asks more often gets those of the last look."""
    before = metrics(reader)
    add(fallen_url, *entries(RECENT, 5, 0))
    name = 'signoff_customers{status="PROSPECT"}'
    assert metrics(reader)[name] == before[name]


def test_figures_that_cannot_be_read_are_missing(
    fallen_url: str, reader: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are there; the facts are not waited for."""
    monkeypatch.setattr("signoff_ops.insight_figures._SECONDS", 0.2)
    with psycopg.connect(fallen_url) as connection:
        connection.execute("LOCK TABLE customer_facts IN ACCESS EXCLUSIVE MODE")
        found = metrics(reader)
    assert "signoff_ledger_events" in found
    assert not [name for name in found if name.startswith(("signoff_customers", "signoff_ltv"))]


def test_figures_of_facts_that_were_never_built_are_missing(reader: httpx.Client) -> None:
    """A zero would be no truth."""
    assert not [name for name in metrics(reader) if name.startswith("signoff_customers")]
