"""`signoff insight`: each view as tables for people, as JSON, and as CSV."""

import csv
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import NoReturn

import pytest
from cdnow import cdnow_events
from command_line import Signoff
from insight import apply_all, build_facts, view
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.report import Asked, Reach, Report
from signoff_insight.views.registry import VIEWS
from signoff_ops import insight as insight_ops


@pytest.fixture
def insight(tmp_path: Path, cdnow_url: str) -> Signoff:
    """The command line on the facts of the CDNOW sample."""
    return Signoff(tmp_path, {"SIGNOFF_DATABASE_URL": cdnow_url, "TZ": "UTC"})


@pytest.fixture(scope="module")
def cdnow_url(module_database_url: str) -> str:
    """The URL of a database with the facts of the CDNOW sample; only to be read."""
    build_facts(module_database_url, cdnow_events())
    return module_database_url


@pytest.mark.parametrize("name", VIEWS)
def test_each_view_is_a_command(insight: Signoff, cdnow_url: str, name: str) -> None:
    """JSON and CSV have the rows of the view, its definition and how far the data reaches."""
    expected = view(cdnow_url, name)
    found = insight.json("insight", name)
    assert found["definition"] == expected.definition
    assert found["reach"]["data_until"].startswith("2022-06-")
    assert {n: len(rows) for n, rows in found["tables"].items()} == {
        table.name: len(table.rows) for table in expected.tables
    }
    for table in expected.tables:
        text = insight("insight", name, "--csv", "--table", table.name).stdout
        heading, *rows = csv.reader(text.splitlines())
        assert heading == [column.name for column in table.columns]
        assert len(rows) == len(table.rows)


@pytest.mark.parametrize("name", VIEWS)
def test_people_read_tables(insight: Signoff, name: str) -> None:
    """The definition in one sentence, how far the data reaches, and each table by its title."""
    text = insight("insight", name).stdout
    assert ("Read from the reviews at 20" if name == "desk" else "Data until 2022-06-") in text
    assert VIEWS[name].title in text
    for table in insight.json("insight", name)["columns"]:
        assert f"({table})" in text


def test_a_table_shows_percent(insight: Signoff) -> None:
    """And the filters that were asked for are told."""
    text = insight("insight", "funnel", "--within", 7, "--table", "steps").stdout
    assert "within 7" in text
    assert " %" in text
    assert "By month" not in text


def test_a_long_table_is_cut_unless_it_is_asked_for(
    insight: Signoff, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says how to see the rest."""
    monkeypatch.setattr("signoff_cli.insight.show._MOST_ROWS", 1)
    cut = insight("insight", "funnel").stdout
    assert "2 more rows: --table steps, or --csv --table steps" in cut
    assert "more rows" not in insight("insight", "funnel", "--table", "months").stdout


def test_figures_are_shown_before_the_tables(insight: Signoff) -> None:
    """Those of a forecast, with the error of its own backtest; JSON has them at its top level."""
    asked = ("insight", "forecast", "--at", "2021-09-30")
    found = insight.json(*asked)
    assert set(found) > {"parameters", "log_likelihood", "totals", "backtest"}
    assert list(found["parameters"]) == ["r", "alpha", "a", "b", "p", "q", "gamma"]
    text = insight(*asked).stdout
    assert "parameters      r 0.815, alpha 9.216" in text
    assert f"actual_revenue_usd {found['backtest']['actual_revenue_usd']:,.2f}" in text
    assert text.index("backtest") < text.index("Backtest by week (weeks)")


def test_an_empty_table_says_so(signoff: Signoff) -> None:
    """It is no table without rows."""
    assert "By day (days): nothing" in signoff("insight", "desk").stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--since", "2022-02-30"], "since must be a day such as 2021-03-31"),
        (["--within", "0"], "from 1 to 730; found '0'"),
        (["--tag", "x"], "tag must be one of CTA_SOFT"),
        (["--table", "x"], "the view funnel has no table 'x'; it has steps, months"),
        (["--json", "--csv"], "--json and --csv exclude each other"),
    ],
)
def test_what_is_wrong_is_named(insight: Signoff, arguments: list[str], reason: str) -> None:
    """Exit 2, without a traceback."""
    refused = insight("insight", "funnel", *arguments, expect=2)
    assert reason in refused.stderr
    assert not refused.stdout


def test_facts_that_were_never_built_are_no_zeros(signoff: Signoff) -> None:
    """The report says that they are being computed, and what has to run."""
    found = signoff.json("insight", "funnel")
    assert found["reach"]["rebuilt"] == 0
    assert "0 % of the customers are done" in found["notes"][0]
    assert "`signoff insight run` has to run" in found["notes"][0]


def test_a_reader_that_is_behind_is_told(
    signoff: Signoff, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With since when; events of the last minute are not worth a word."""
    events = cdnow_events()[:4]
    build_facts(database_url, events[:2])
    apply_all(database_url, events[2:])
    assert not any("not in these numbers" in n for n in signoff.json("insight", "funnel")["notes"])
    monkeypatch.setattr(insight_ops, "_BEHIND", timedelta(0))
    first = signoff.json("insight", "funnel")["notes"][0]
    assert first.startswith("Events that were applied in the last ")
    assert "are not in these numbers yet" in first


def test_facts_of_another_time_zone_are_told(signoff: Signoff, database_url: str) -> None:
    """The days of the report are those that the facts were computed with."""
    build_facts(database_url, cdnow_events()[:2])
    elsewhere = signoff.having(SIGNOFF_TIMEZONE="Asia/Tokyo")
    found = elsewhere.json("insight", "funnel")
    assert found["reach"]["timezone"] == "UTC"
    assert found["notes"][0].startswith("Days are those of UTC; SIGNOFF_TIMEZONE is Asia/Tokyo.")


def test_a_view_that_takes_too_long_is_cut_off(
    signoff: Signoff, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a plain error; nothing else of production waits for it."""
    build_facts(database_url, cdnow_events()[:2])

    def slow(connection: Connection[TupleRow], asked: Asked, reach: Reach) -> Report:
        connection.execute("SELECT pg_sleep(60)")
        raise AssertionError(asked, reach)

    funnel = VIEWS["funnel"]
    monkeypatch.setattr(insight_ops, "VIEWS", {"funnel": replace(funnel, answer=slow)})
    monkeypatch.setattr(insight_ops, "SECONDS", 0.1)
    refused = signoff("insight", "funnel", expect=2).stderr
    assert "the view funnel took longer than 0.1 s and was cut off" in refused


def test_a_package_that_is_missing_is_named(
    signoff: Signoff, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the extra that brings it: no view is in the way of the others."""

    def lacking(*_: object) -> NoReturn:
        raise ModuleNotFoundError(name="numpy")

    funnel = VIEWS["funnel"]
    monkeypatch.setattr(insight_ops, "VIEWS", {"funnel": replace(funnel, answer=lacking)})
    refused = signoff("insight", "funnel", expect=2).stderr
    assert "needs the package numpy" in refused
    assert "signoff[insight]" in refused


def test_a_view_only_reads(
    signoff: Signoff, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement that would write is refused by Postgres."""
    build_facts(database_url, cdnow_events()[:2])

    def writing(connection: Connection[TupleRow], asked: Asked, reach: Reach) -> Report:
        connection.execute("DELETE FROM customer_facts")
        raise AssertionError(asked, reach)

    funnel = VIEWS["funnel"]
    monkeypatch.setattr(insight_ops, "VIEWS", {"funnel": replace(funnel, answer=writing)})
    assert "read-only" in signoff("insight", "funnel", expect=2).stderr


def test_only_a_few_views_are_computed_at_once(
    signoff: Signoff, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are refused after a while, and may try again."""
    monkeypatch.setattr(insight_ops, "_running", BoundedSemaphore(1))
    monkeypatch.setattr(insight_ops, "_WAIT_SECONDS", 0.01)
    with insight_ops._in_turn():
        assert "try again" in signoff("insight", "funnel", expect=2).stderr
    signoff("insight", "funnel")


def test_few_wait_for_their_turn(signoff: Signoff, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are refused at once: who waits holds a thread of the service."""
    monkeypatch.setattr(insight_ops, "_IN_ALL", BoundedSemaphore(1))
    with insight_ops._one_of_all():
        assert "try again" in signoff("insight", "forecast", expect=2).stderr
    signoff("insight", "funnel")
