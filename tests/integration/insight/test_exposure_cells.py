"""Exposures name what they showed by the number of a cell, whichever cells there are."""

from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from approvals import TEN, apply_events, approval
from fact_tables import tables_from, tables_of
from insight import answer, apply_all, keep_facts
from plain_insight import plain_facts
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db import migrate as migrations
from signoff_db.connection import BatchConnection, connect
from signoff_db.feed_reader import Turn
from signoff_insight.facts.reader import FactsReader
from signoff_insight.facts.refreshing import refresh
from signoff_insight.facts.state import reach_of
from signoff_schemas import ApprovalEvent

DOUBLE_SHOWN = """
    WITH again AS (
        INSERT INTO exposure_cells (month, tags, customer_status, is_first, cta)
        SELECT month, tags, customer_status, is_first, cta FROM exposure_cells
        ORDER BY cell
        RETURNING *
    )
    UPDATE customer_exposures e SET cell = again.cell
    FROM exposure_cells held JOIN again USING (month, tags, customer_status, is_first)
    WHERE held.cell = e.cell AND e.customer % 2 = 0 AND held.cta IS NOT DISTINCT FROM again.cta
"""
DOUBLE_REVIEWERS = """
    WITH again AS (
        INSERT INTO exposure_reviewers (month, customer_status, is_first, reviewer_id)
        SELECT month, customer_status, is_first, reviewer_id FROM exposure_reviewers
        ORDER BY reviewer_cell
        RETURNING *
    )
    UPDATE customer_exposures e SET reviewer_cell = again.reviewer_cell
    FROM exposure_reviewers held JOIN again USING (month, customer_status, is_first)
    WHERE held.reviewer_cell = e.reviewer_cell AND e.customer % 3 = 0
        AND held.reviewer_id IS NOT DISTINCT FROM again.reviewer_id
"""


def seen_by(users: Sequence[str]) -> list[ApprovalEvent]:
    """Three approvals for each of them; the others have the same first one."""
    return [
        approval(
            occurred_at=TEN + timedelta(days=day),
            user_id=user,
            reviewer_id=reviewer,
            edit_tags=["TONE_CASUAL"],
            cta_data=cta,
            customer_status=status,
        )
        for user in users
        for day, reviewer, cta, status in (
            (0, "ann", None, "PROSPECT"),
            (40, None, {"type": 'x, "y" \\ NULL'}, "LEAD_QUALIFIED"),
            (80, "NULL", {"type": "call"}, "CHURNED"),
        )
    ]


def cells_of(connection: Connection[TupleRow]) -> tuple[int, int]:
    """How many combinations there are of what was shown, and of reviewers."""
    row = connection.execute(
        "SELECT (SELECT count(*) FROM exposure_cells), (SELECT count(*) FROM exposure_reviewers)"
    ).fetchone()
    assert row
    return row[0], row[1]


def rebuild(database_url: str, *, together: int = 2_000) -> None:
    """Compute all facts anew; with a second process from so many customers on."""
    with closing(FactsReader(database_url, "UTC", together=together)) as reader:
        reader.begin_rebuild()
        while reader.turn() is not Turn.CAUGHT_UP:
            pass


def test_exposures_of_equal_cells_are_counted_together(cdnow_facts: Connection[TupleRow]) -> None:
    """Two transactions may have added the same combination: every number is as before."""
    report, tables = answer(cdnow_facts, "reviewers"), tables_of(cdnow_facts)
    with cdnow_facts.transaction(force_rollback=True):
        for double in (DOUBLE_SHOWN, DOUBLE_REVIEWERS):
            assert cdnow_facts.execute(double).rowcount > len(tables["exposures"]) / 5
        assert tables_of(cdnow_facts) == tables
        assert answer(cdnow_facts, "reviewers") == report


def test_equal_exposures_have_one_cell(connection: BatchConnection, database_url: str) -> None:
    """Of all customers, whether they arrive together, later, late, or in a rebuild."""
    events = seen_by(["ann", "bob", "cid", "dan"])
    apply_all(database_url, events[:6])
    keep_facts(database_url)
    assert cells_of(connection) == (3, 3)
    for arrived in (events[6:8], events[8:9], events[10:], events[9:10]):
        apply_events(connection, *arrived)
        keep_facts(database_url)
    rebuild(database_url)
    assert tables_of(connection) == tables_from(plain_facts(events))
    assert cells_of(connection) == (3, 3)


def test_a_cell_that_was_rolled_back_is_added_again(
    connection: BatchConnection, database_url: str
) -> None:
    """On the same connection: what a transaction knew ends with it."""
    events = seen_by(["ann"])
    apply_all(database_url, events)
    with connect(database_url) as own:
        with own.transaction(force_rollback=True):
            refresh(own, ["ann"], "UTC")
        with own.transaction():
            refresh(own, ["ann"], "UTC")
    assert tables_of(connection)["exposures"] == tables_from(plain_facts(events))["exposures"]


@pytest.mark.parametrize("most", [1, 200_000])
def test_two_processes_add_the_same_cells_without_waiting_for_each_other(
    connection: BatchConnection,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
) -> None:
    """And a rebuild after that adds none, however few of them it reads beforehand."""
    monkeypatch.setattr("signoff_insight.facts.cells._MOST", most)
    events = seen_by([f"user-{n}" for n in range(40)])
    apply_all(database_url, events)
    rebuild(database_url, together=20)
    assert tables_of(connection) == tables_from(plain_facts(events))
    count = cells_of(connection)
    assert {*count} <= {3, 6}
    connection.execute("TRUNCATE customer_exposures")
    rebuild(database_url, together=20)
    assert tables_of(connection) == tables_from(plain_facts(events))
    assert cells_of(connection) == count


@pytest.mark.parametrize(
    ("migration", "definitions", "rows"),
    [
        ("0039.exposure_cells", 4, "GRANT SELECT, INSERT, UPDATE ON customer_exposures TO {role}"),
        (
            "0041.exposure_reviewers",
            5,
            """
            GRANT SELECT, INSERT, UPDATE ON customer_exposures TO {role};
            GRANT SELECT, INSERT ON exposure_cells TO {role};
            INSERT INTO exposure_cells (month, tags, customer_status, is_first, reviewer_id)
            VALUES ('2026-01-01', 1, 'PROSPECT', true, 'ann');
            INSERT INTO customer_exposures (customer, exposed_at, place, cell, first_tags)
            VALUES (1, '2026-01-01Z', 1, 1, 1)
            """,
        ),
    ],
)
def test_a_database_of_before_computes_its_exposures_anew(
    empty_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    migration: str,
    definitions: int,
    rows: str,
) -> None:
    """Reports say so until that is done; who wrote exposures may add cells."""
    names = migrations._names()
    with monkeypatch.context() as before:
        before.setattr(migrations, "_names", lambda: names[: names.index(migration)])
        migrations.migrate(empty_database_url)
    role = f"writer_{uuid4().hex}"
    with psycopg.connect(empty_database_url, autocommit=True) as admin:
        admin.execute("SET search_path TO signoff")
        admin.execute(
            "INSERT INTO insight_state (timezone, definitions, detached, rebuilt_at, data_until)"
            " VALUES ('UTC', %s, 0, now(), now())",
            [definitions],
        )
        admin.execute(f"CREATE ROLE {role}")
        try:
            admin.execute(rows.format(role=role).encode())
            migrations.migrate(empty_database_url)
            held = admin.execute(
                "SELECT table_name::text, privilege_type::text"
                " FROM information_schema.role_table_grants WHERE grantee = %s ORDER BY 1, 2",
                [role],
            ).fetchall()
        finally:
            admin.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert held == [
        *(("customer_exposures", right) for right in ("INSERT", "SELECT", "UPDATE")),
        *(("exposure_cells", right) for right in ("INSERT", "SELECT")),
        *(("exposure_reviewers", right) for right in ("INSERT", "SELECT")),
    ]
    events = seen_by(["ann"])
    apply_all(empty_database_url, events)
    with connect(empty_database_url) as connection:
        assert reach_of(connection, "UTC").rebuilt == 0
        keep_facts(empty_database_url)
        assert reach_of(connection, "UTC").rebuilt is None
        assert tables_of(connection) == tables_from(plain_facts(events))
