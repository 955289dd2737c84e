"""Facts after partitions of the ledger were detached: their events do not count any more."""

from datetime import UTC, datetime

from approvals import approval
from insight import build_facts, cells, keep_facts, view

from signoff_db.connection import BatchConnection
from signoff_db.ledger_partitions import add_partition, detach_oldest, partition_ledger


def day(number: int, month: int = 1) -> datetime:
    """A day of 2026."""
    return datetime(2026, month, number, tzinfo=UTC)


def test_who_was_known_before_is_no_new_prospect(
    connection: BatchConnection, database_url: str
) -> None:
    """Else customers would enter the funnel again, each time that a partition is detached."""
    partition_ledger(connection, day(1, 2))
    add_partition(connection, day(1, 6))
    old = [
        approval(user_id="ann", occurred_at=day(5)),
        approval(user_id="ann", occurred_at=day(6), customer_status="CUSTOMER", ltv_amount="9"),
    ]
    left = [
        approval(user_id="ann", occurred_at=day(3, 3)),
        approval(user_id="ann", occurred_at=day(4, 3), customer_status="CUSTOMER", ltv_amount="9"),
        approval(user_id="bob", occurred_at=day(3, 3)),
        approval(user_id="bob", occurred_at=day(9, 5)),
    ]
    build_facts(database_url, [*old, *left])
    before = cells(view(database_url, "funnel"), "months", "month")
    detach_oldest(connection)
    keep_facts(database_url)
    after = cells(view(database_url, "funnel"), "months", "month")
    (first,) = after
    assert first == day(1, 3).date()
    assert after[day(1, 3).date()] == before[day(1, 3).date()]
