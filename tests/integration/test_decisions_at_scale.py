"""Status decisions of customers with many events: work grows with the events, not their square.

The work is counted in rows that Postgres fetched, which does not depend on the machine.
"""

from uuid import uuid4

import psycopg
from approvals import apply_events, approval, customer, decision, delivery

from signoff_db.apply import apply_in_transaction
from signoff_db.audit import audit
from signoff_db.connection import BatchConnection
from signoff_schemas import AnyEvent

INTERACTIONS = 300
DECISIONS = 300


def rows_fetched(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    """How many rows the session has fetched so far; only differences mean anything."""
    row = connection.execute(
        "SELECT coalesce(sum(idx_tup_fetch), 0)::int FROM pg_stat_xact_user_tables"
    ).fetchone()
    assert row is not None
    assert isinstance(row[0], int)
    return row[0]


def test_many_decisions_that_rest_on_one_event_read_the_customer_once(
    connection: BatchConnection,
) -> None:
    """Thousands of events after the event that they rest on are not read for each of them."""
    ground = approval(0, customer_status="CUSTOMER")
    apply_events(connection, ground, *(approval(1) for _ in range(INTERACTIONS)))
    decisions = [decision(n, rests_on=ground.event_id) for n in range(10, 10 + DECISIONS)]
    assert apply_events(connection, *decisions) == ["applied"] + ["void"] * (DECISIONS - 1)
    with connection.transaction():
        before = rows_fetched(connection)
        assert apply_in_one(connection, approval(5)) == ["applied"]
        assert rows_fetched(connection) - before < 20 * (INTERACTIONS + DECISIONS)
    assert audit(connection).differing == 0


def test_a_duplicate_of_an_old_event_folds_no_decision_again(connection: BatchConnection) -> None:
    """Only what is new can change decisions."""
    old = approval(0, customer_status="CUSTOMER")
    apply_events(connection, old)
    apply_events(connection, *(decision(n) for n in range(1, DECISIONS)))
    with connection.transaction():
        before = rows_fetched(connection)
        assert apply_in_one(connection, old, approval(DECISIONS)) == ["duplicate", "applied"]
        assert rows_fetched(connection) - before < DECISIONS


def test_a_transaction_of_many_statements_folds_decisions_once(
    connection: BatchConnection, database_url: str
) -> None:
    """An upstream that writes its interactions row by row does not wait for each of them."""
    ground = approval(0, customer_status="CUSTOMER")
    apply_events(connection, ground)
    apply_events(connection, *(decision(n, rests_on=ground.event_id) for n in range(1, DECISIONS)))
    with psycopg.connect(database_url) as upstream:
        for _ in range(INTERACTIONS):
            upstream.execute(
                "INSERT INTO interactions (id, user_id) VALUES (%s, 'user-1')", [uuid4()]
            )
        upstream.execute(
            "UPDATE interactions SET user_id = 'user-2' WHERE id = %s", [ground.interaction_id]
        )
        upstream.execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert rows_fetched(upstream) < 20 * (INTERACTIONS + DECISIONS)
    assert customer(connection, "user-1") == ("PROSPECT", "0.00")
    row = connection.execute("SELECT count(*) FROM status_decisions WHERE NOT void").fetchone()
    assert row == (0,)


def apply_in_one(connection: BatchConnection, *events: AnyEvent) -> list[str]:
    """Apply events inside the present transaction."""
    return [str(o.result) for o in apply_in_transaction(connection, [delivery(e) for e in events])]
