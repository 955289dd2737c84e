"""What `status` shows of the ledger, in a time that does not depend on its size."""

import pytest
from approvals import apply_events, approval
from psycopg import sql

from signoff_db.connection import BatchConnection
from signoff_db.reading import overview

LEDGER_ROWS = sql.SQL(
    "INSERT INTO approvals (event_id, schema_version, occurred_at, interaction_id, final_bubbles,"
    " edit_tags, quality_score, content_hash, applied_at)"
    " SELECT gen_random_uuid(), 1, '2026-01-01Z', gen_random_uuid(), '{{hello}}', '{{}}', 5, '',"
    " {} FROM generate_series(1, {}) AS n"
)


def add_rows(connection: BatchConnection, count: int, applied_at: str) -> None:
    """Add rows to the ledger, as if they had been applied at this time."""
    connection.execute(LEDGER_ROWS.format(sql.Literal(applied_at), sql.Literal(count)))


def last_applied(connection: BatchConnection) -> object:
    """The time of the last event, by reading the whole ledger."""
    row = connection.execute("SELECT max(applied_at) FROM approvals").fetchone()
    return row and row[0]


def test_few_events_are_counted(connection: BatchConnection) -> None:
    """The open letters are counted by their kind."""
    apply_events(connection, approval(), approval(), approval(user_id=None))

    found = overview(connection)

    assert (found.applied, found.applied_is_estimate) == (2, False)
    assert found.last_applied_at == last_applied(connection)
    assert found.dead == {"unknown_interaction": 1}


def test_an_empty_ledger_has_no_last_event(connection: BatchConnection) -> None:
    """It is None."""
    found = overview(connection)

    assert (found.applied, found.last_applied_at, found.dead) == (0, None, {})


def test_many_events_are_estimated(connection: BatchConnection) -> None:
    """The overview says so; the estimate is near, and never below the counted part."""
    add_rows(connection, 30_000, "2026-01-01Z")
    before = overview(connection)
    connection.execute("ANALYZE approvals")
    after = overview(connection)

    assert (before.applied_is_estimate, after.applied_is_estimate) == (True, True)
    assert before.applied > 10_000
    assert after.applied == pytest.approx(30_000, rel=0.05)


def test_the_last_event_is_found_before_rolled_back_rows(connection: BatchConnection) -> None:
    """Batches that were rolled back leave pages without a row at the ledger's end."""
    add_rows(connection, 10, "2026-01-01Z")
    add_rows(connection, 10, "2026-01-02Z")
    with connection.transaction(force_rollback=True):
        add_rows(connection, 20_000, "2026-01-03Z")

    assert overview(connection).last_applied_at == last_applied(connection)


def test_the_last_event_is_found_in_any_partition(connection: BatchConnection) -> None:
    """The event that was applied last may have occurred long ago."""
    connection.execute("SELECT signoff_partition_ledger('2026-06-01Z')")
    connection.execute("SELECT signoff_add_ledger_partition('2027-01-01Z')")
    apply_events(connection, approval(60 * 24 * 200), approval())

    assert overview(connection).last_applied_at == last_applied(connection)
    assert overview(connection).applied == 2


def test_the_last_event_is_found_on_an_early_page(connection: BatchConnection) -> None:
    """An event takes any free space that a vacuum found, wherever in the ledger it is."""
    with connection.transaction(force_rollback=True):
        add_rows(connection, 2_000, "2026-01-03Z")
    add_rows(connection, 5_000, "2026-01-01Z")
    connection.execute("VACUUM approvals")
    apply_events(connection, approval())
    page = connection.execute(
        "SELECT (ctid::text::point)[0] FROM approvals WHERE applied_at > '2026-01-02Z'"
    ).fetchone()

    assert page is not None
    assert page[0] < 64
    assert overview(connection).last_applied_at == last_applied(connection)
