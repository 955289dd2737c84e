"""`signoff insight run` keeps the facts from the feed, and builds them where that is needed."""

import signal
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from approvals import apply_events, approval
from command_line import Signoff
from processes import environment, eventually, exit_code, process

from signoff_db.connection import BatchConnection


@pytest.fixture
def variables(database_url: str) -> dict[str, str]:
    """Of commands that know the database alone."""
    return environment("redis://127.0.0.1:1", database_url)


@pytest.fixture
def signoff(tmp_path: Path, variables: dict[str, str]) -> Signoff:
    """The command line."""
    return Signoff(tmp_path, variables)


def days(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """The day of the first purchase of each customer with facts."""
    rows = connection.execute("SELECT user_id, first_purchase_on::text FROM customer_facts")
    return dict(rows.fetchall())


def purchase(hour: float, user: str) -> Any:
    """A purchase so many hours after ten."""
    return approval(60 * hour, user_id=user, customer_status="CUSTOMER", ltv_amount="5")


def test_once_builds_the_facts_and_then_keeps_them(
    connection: BatchConnection, signoff: Signoff
) -> None:
    """Of what the ledger held before, and of what was applied since."""
    apply_events(connection, purchase(0, "ann"), purchase(24, "bob"))
    assert "up to date" in signoff("insight", "run", "--once").stdout
    assert days(connection) == {"ann": "2026-01-31", "bob": "2026-02-01"}
    apply_events(connection, purchase(-24, "ann"), purchase(48, "cid"))
    signoff("insight", "run", "--once")
    assert days(connection) == {"ann": "2026-01-30", "bob": "2026-02-01", "cid": "2026-02-02"}


def test_another_time_zone_builds_them_anew(connection: BatchConnection, signoff: Signoff) -> None:
    """Ten in the evening in London is the next day in Tokyo."""
    apply_events(connection, purchase(12, "ann"))
    signoff("insight", "run", "--once")
    assert days(connection) == {"ann": "2026-01-31"}
    signoff.environment["SIGNOFF_TIMEZONE"] = "Asia/Tokyo"
    signoff("insight", "run", "--once")
    assert days(connection) == {"ann": "2026-02-01"}


def test_a_rebuild_mends_what_somebody_changed(
    connection: BatchConnection, signoff: Signoff
) -> None:
    """Also customers that are not in the ledger, and purchases that are missing."""
    apply_events(connection, purchase(0, "ann"))
    signoff("insight", "run", "--once")
    connection.execute("INSERT INTO customer_facts (user_id) VALUES ('nobody')")
    connection.execute("UPDATE customer_facts SET first_purchase_on = NULL")
    connection.execute("DELETE FROM customer_purchases")
    signoff("insight", "rebuild")
    assert days(connection) == {"ann": "2026-01-31"}
    assert connection.execute("SELECT count(*) FROM customer_purchases").fetchone() == (1,)


def test_a_process_keeps_them_until_it_is_stopped(
    connection: BatchConnection, variables: dict[str, str], tmp_path: Path
) -> None:
    """SIGTERM ends it with exit code 0."""
    log = tmp_path / "insight.log"
    command = (sys.executable, "-m", "signoff_cli", "insight", "run")
    with process(*command, env=variables, log=log) as running:
        apply_events(connection, purchase(0, "ann"))
        eventually(lambda: days(connection) == {"ann": "2026-01-31"}, what="the facts")
        apply_events(connection, purchase(0, "bob"))
        eventually(lambda: set(days(connection)) == {"ann", "bob"}, what="those of bob")
        running.send_signal(signal.SIGTERM)
        assert exit_code(running, log=log) == 0


def test_a_wrong_time_zone_is_named(signoff: Signoff) -> None:
    """With what is expected."""
    signoff.environment["SIGNOFF_TIMEZONE"] = "Berlin"
    refused = signoff("insight", "run", "--once", expect=2)
    assert "SIGNOFF_TIMEZONE" in refused.stderr
    assert "Europe/Berlin" in refused.stderr
