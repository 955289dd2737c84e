"""What is kept of operations and audits that have ended."""

import psycopg
import pytest
import web
from approvals import approval
from desk import servers_of
from letters import bury
from operations import ANN, DRY, after, run_all
from pages import shown

from signoff_db.connection import BatchConnection
from signoff_db.selection import Selection
from signoff_ops.operations import (
    NothingMatchesError,
    Operation,
    OperationAction,
    OperationState,
    letters_kept,
    start_from,
    start_operation,
)
from signoff_schemas.access import Scope


@pytest.fixture
def dry_run(connection: BatchConnection, database_url: str) -> Operation:
    """A dry run of one letter that has ended."""
    bury(connection, approval())
    started = start_operation(servers_of(database_url), Selection(), DRY, OperationAction.REPLAY)
    run_all(database_url)
    return started


def ended(connection: BatchConnection, days: int) -> None:
    """All operations ended so many days ago."""
    connection.execute("UPDATE operations SET ended_at = now() - make_interval(days => %s)", [days])


def test_the_letters_of_an_operation_are_kept_for_a_week(
    connection: BatchConnection, database_url: str, dry_run: Operation
) -> None:
    """Until then another one can take them."""
    ended(connection, days=6)
    run_all(database_url)
    replay = start_from(servers_of(database_url), dry_run.id, ANN)
    assert replay.letters == 1


def test_then_they_are_forgotten_and_all_else_stays(
    connection: BatchConnection, database_url: str, redis_url: str, dry_run: Operation
) -> None:
    """What it did is kept; whoever wants to go on is told plainly why that is not possible."""
    ended(connection, days=8)
    run_all(database_url)
    servers = servers_of(database_url)
    assert not letters_kept(servers, dry_run.id)
    kept = after(database_url, dry_run)
    assert (kept.state, kept.letters, len(kept.results)) == (OperationState.DONE, 1, 1)
    with pytest.raises(NothingMatchesError, match="not kept any more, since it ended more than 7"):
        start_from(servers, dry_run.id, ANN)
    operate = web.acting_as("ann", Scope.READ, Scope.OPERATE)
    with web.client(redis_url, database_url, authenticate=operate) as pages:
        pages.headers["accept"] = "text/html"
        text = shown(pages, f"/ops/replays/{dry_run.id}")
    assert "Which letters that were is not kept any more: that is for 7 days." in text
    assert "Replay all" not in text


def test_operations_that_have_not_ended_keep_their_letters(
    connection: BatchConnection, database_url: str
) -> None:
    """However long ago they were started; the runner forgets before it takes one."""
    bury(connection, approval())
    started = start_operation(servers_of(database_url), Selection(), DRY, OperationAction.REPLAY)
    connection.execute("UPDATE operations SET created_at = now() - interval '1 year'")
    run_all(database_url)
    assert after(database_url, started).tried == 1


def test_old_audits_are_forgotten_but_for_the_last(
    connection: BatchConnection, database_url: str
) -> None:
    """Of each kind: the last result, and the last failure."""
    connection.execute(
        "INSERT INTO audits (state, requested_by, started_at, ended_at, clean, report)"
        " SELECT 'done', 'ann', now() - age, now() - age, true, '{}'"
        " FROM unnest('{1 year, 100 days, 95 days}'::interval[]) AS age"
    )
    run_all(database_url)
    assert connection.execute("SELECT count(*) FROM audits").fetchone() == (1,)


def test_a_runner_that_may_not_delete_goes_on(
    connection: BatchConnection, database_url: str, dry_run: Operation
) -> None:
    """Where the rights are those of an earlier version."""
    ended(connection, days=8)
    connection.execute("DROP ROLE IF EXISTS older_rights")
    connection.execute("CREATE ROLE older_rights LOGIN PASSWORD 'older'")
    try:
        connection.execute(
            "GRANT USAGE ON SCHEMA signoff TO older_rights;"
            "GRANT ALL ON ALL TABLES IN SCHEMA signoff TO older_rights;"
            "REVOKE DELETE ON signoff.operation_letters FROM older_rights"
        )
        older = psycopg.conninfo.make_conninfo(database_url, user="older_rights", password="older")
        run_all(older)
        assert letters_kept(servers_of(database_url), dry_run.id)
    finally:
        connection.execute("DROP OWNED BY older_rights; DROP ROLE older_rights")
