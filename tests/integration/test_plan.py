"""The statement that applies a batch is fast with any statistics of the tables."""

from collections.abc import Iterator
from typing import Any

import pytest
from approvals import apply_events, approval, decision, delivery
from psycopg import RawCursor

from signoff_db.connection import BatchConnection, connect
from signoff_db.delivery import array_of, hashes_of
from signoff_db.sql import raw_statement, statement


@pytest.mark.parametrize("rows_a_page", [1, 1_000, 1_000_000])
def test_a_batch_is_joined_with_itself_in_one_pass(
    connection: BatchConnection, rows_a_page: int
) -> None:
    """No step reads the batch once for each event, also with a big ledger without statistics."""
    interactions = [approval().interaction_id for _ in range(10)]
    apply_events(connection, *[approval(interaction_id=known) for known in interactions])
    connection.execute(
        "UPDATE pg_class SET relpages = 1, reltuples = %s WHERE oid = 'approvals'::regclass",
        [rows_a_page],
    )
    scans = [
        step
        for step in _steps(connection, [approval(5, interaction_id=i) for i in interactions])
        if step["Node Type"] == "CTE Scan"
    ]
    assert any(step["Actual Rows"] == len(interactions) for step in scans)
    assert [step["CTE Name"] for step in scans if step["Actual Loops"] > 1] == []


def test_a_table_that_was_empty_when_it_was_analyzed_is_read_by_its_key(
    connection: BatchConnection,
) -> None:
    """All indexes of an empty table cost the same; none may be scanned as a whole."""
    connection.execute("ANALYZE interactions, approvals, customers, dead_letters")
    entered = [
        step["Index Name"]
        for step in _steps(connection, [approval()])
        if step.get("Relation Name") == "interactions" and "Index Name" in step
    ]
    assert entered == ["interactions_pkey"]


def test_a_batch_prepares_no_change_of_letters_while_none_is_open(
    connection: BatchConnection,
) -> None:
    """For an event that comes alone that would take as long as other writes of the statement."""
    written = {
        step["Relation Name"]
        for step in _steps(connection, [approval()])
        if step["Node Type"] == "ModifyTable"
    }
    assert written == {"interactions", "approvals", "customers"}


def test_a_decision_reads_the_events_of_its_customer_alone(connection: BatchConnection) -> None:
    """Also if the planner believes that every customer has all interactions."""
    apply_events(connection, *[approval(user_id="big") for _ in range(500)])
    connection.execute("ANALYZE interactions, approvals, customers")
    ground = approval(user_id="small")
    apply_events(connection, ground, approval(1, user_id="small"))
    with connection.transaction():
        before = _approvals_read(connection)
        apply_events(connection, decision(2, user_id="small", rests_on=ground.event_id))
        assert _approvals_read(connection) - before < 50


def _approvals_read(connection: BatchConnection) -> int:
    """How many rows of the ledger this transaction has read."""
    row = connection.execute(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables"
        " WHERE relname = 'approvals'"
    ).fetchone()
    assert row
    return int(row[0])


@pytest.mark.parametrize("name", ["list_actions", "history/list_actions"])
def test_the_actions_on_a_letter_are_found_by_their_index(
    connection: BatchConnection, database_url: str, name: str
) -> None:
    """However many actions on other letters there are; they are not gone through one by one."""
    connection.execute(
        "INSERT INTO operator_actions (actor, action, dead_letter_ids, reason)"
        " SELECT 'ann', 'discard', ARRAY[n], 'no' FROM generate_series(1, 100000) AS n"
    )
    connection.execute("VACUUM ANALYZE operator_actions")
    given = {"letter": 7, "limit": 50, "most_letters": 10, "characters": 100}
    others = dict.fromkeys(["actor", "action", "since", "until", "before_at", "before_id"])
    with connect(database_url) as reader:
        plan = reader.execute(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {statement(name)}".encode(), given | others
        ).fetchone()
    assert plan is not None
    read = [step for step in _below(plan[0][0]["Plan"]) if "Scan" in step["Node Type"]]
    assert "operator_actions_of_letter" in {step.get("Index Name") for step in read}
    assert sum(step["Actual Rows"] + step.get("Rows Removed by Filter", 0) for step in read) < 50


def _steps(connection: BatchConnection, events: list[Any]) -> Iterator[dict[str, Any]]:
    """All steps of the plan by which the events are applied."""
    deliveries = [delivery(event) for event in events]
    row = (
        RawCursor(connection)
        .execute(
            b"EXPLAIN (ANALYZE, FORMAT JSON) " + raw_statement("apply"),
            [array_of(deliveries), hashes_of(deliveries), ""],
        )
        .fetchone()
    )
    assert row
    return _below(row[0][0]["Plan"])


def _below(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A step with all those below it."""
    steps = [plan]
    while steps:
        step = steps.pop()
        steps += step.get("Plans", [])
        yield step
