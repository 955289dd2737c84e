"""`signoff migrate` and `signoff ledger`, as a person runs them."""

import json
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from approvals import mapping
from command_line import Signoff
from processes import environment


@pytest.fixture
def new(tmp_path: Path, redis_url: str, empty_database_url: str) -> Signoff:
    """The command line on a database with an upstream's interactions, and nothing else."""
    with psycopg.connect(empty_database_url) as upstream:
        upstream.execute("CREATE TABLE interactions (id uuid PRIMARY KEY, user_id text)")
    return Signoff(tmp_path, environment(redis_url, empty_database_url, actor="ann"))


def using(signoff: Signoff, **variables: str) -> Signoff:
    """The same, with other variables."""
    return replace(signoff, environment=signoff.environment | variables)


def test_a_dry_run_shows_what_migrating_then_does(new: Signoff) -> None:
    """It lists each change; the schema is behind before, and up to date after."""
    shown = new("migrate", "--dry-run").stdout
    assert "none of which was kept" in shown
    assert "create table signoff.customers" in shown
    assert "add column public.interactions.ltv_usd" in shown
    printed = json.loads(new("migrate", "--dry-run", "--json").stdout)
    pending = json.loads(new("migrate", "--check", "--json", expect=1).stdout)
    assert printed["would_apply"] == pending["pending"]
    assert "Applied" in new("migrate").stdout
    assert "up to date" in new("migrate", "--check").stdout
    assert "up to date" in new("migrate", "--dry-run").stdout


def test_undoing_asks_first(new: Signoff) -> None:
    """Without a terminal it wants --yes, and says what will be lost."""
    new("migrate")
    assert "the ledger, customers, dead letters" in new("migrate", "--undo", expect=2).stderr
    assert "signoff was removed" in new("migrate", "--undo", "--yes").stdout
    assert "no installation" in new("migrate", "--undo", "--yes", expect=2).stderr
    assert "exclude each other" in new("migrate", "--undo", "--check", expect=2).stderr


def test_all_commands_work_in_a_schema_of_another_name(new: Signoff) -> None:
    """SIGNOFF_SCHEMA is all that they need to know."""
    named = using(new, SIGNOFF_SCHEMA="reviews", SIGNOFF_INTERACTIONS="public.interactions")
    named("migrate")
    event = mapping(customer_status="CUSTOMER", ltv_amount="5")
    named.publish(event)
    named("worker", "--burst")
    assert json.loads(named("customer", "user-1", "--json").stdout)["ltv_usd"] == "5.00"
    named("audit")
    assert "Migrations" in named("doctor", expect=None).stdout
    with psycopg.connect(named.environment["SIGNOFF_DATABASE_URL"]) as upstream:
        assert upstream.execute("SELECT count(*) FROM public.interactions").fetchone() == (1,)
        assert upstream.execute("SELECT count(*) FROM reviews.approvals").fetchone() == (1,)
        assert upstream.execute("SELECT to_regnamespace('signoff')").fetchone() == (None,)
    assert "lacks" in new("migrate", "--check", expect=1).stdout


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("SIGNOFF_SCHEMA", "My Schema", "a name of lower-case letters"),
        ("SIGNOFF_SCHEMA", "pg_signoff", "a name of lower-case letters"),
        ("SIGNOFF_INTERACTIONS", "interactions", "SCHEMA.interactions"),
        ("SIGNOFF_INTERACTIONS", "public.orders", "SCHEMA.interactions"),
    ],
)
def test_a_name_that_cannot_be_is_refused(
    new: Signoff, variable: str, value: str, expected: str
) -> None:
    """The variable is named, what it holds, and what was expected."""
    said = using(new, **{variable: value})("migrate", expect=2).stderr
    assert f"{variable} holds {value!r}" in said
    assert expected in said


def test_the_ledger_in_partitions(signoff: Signoff) -> None:
    """Made, added to and detached by commands; each shows the partitions there are."""
    said = signoff("ledger", "detach", "--yes", expect=2).stderr
    assert "signoff ledger partition" in said
    assert "say --yes" in signoff("ledger", "partition", "--until", "2020-01-01", expect=2).stderr
    made = signoff("ledger", "partition", "--until", "2020-01-01T01:00+01:00", "--yes").stdout
    assert made == "approvals_first  up to 2020-01-01 00:00:00 UTC\n"
    signoff("ledger", "add", "--until", "2040-01-01T00:00Z")
    signoff.publish(mapping())
    signoff("worker", "--burst")
    detached = json.loads(signoff("ledger", "detach", "--yes", "--json").stdout)
    assert detached == {
        "detached": "approvals_first",
        "partitions": [
            {"partition": "approvals_from_2020_01_01_00", "until": "2040-01-01T00:00:00Z"}
        ],
    }
    assert (
        "ends at 2040-01-01 00:00:00 UTC and is still written to"
        in signoff("ledger", "detach", "--yes", expect=2).stderr
    )
    assert (
        "ends at 2040-01-01 00:00:00 UTC already"
        in signoff("ledger", "add", "--until", "2030-01-01", expect=2).stderr
    )
    for wrong in ("soon", "30d"):
        said = signoff("ledger", "add", "--until", wrong, expect=2).stderr
        assert f"--until holds '{wrong}'; expected an instant" in said
    signoff("audit")
