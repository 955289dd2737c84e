"""The feed of a ledger in partitions, of which old ones are detached."""

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from approvals import apply_events, approval
from blocking import await_blocked_or_done
from feeds import Reader, all_events, ids

from signoff_db import feed
from signoff_db.connection import BatchConnection, connect
from signoff_db.feed import FeedPage, read
from signoff_db.feed_state import FeedGapError
from signoff_db.ledger_partitions import (
    LedgerPartitionError,
    add_partition,
    detach_oldest,
    partition_ledger,
)
from signoff_schemas import ApprovalEvent

START = datetime(2025, 1, 1, tzinfo=UTC)


def event_of(day: float) -> ApprovalEvent:
    """An event that occurred so many days after the start."""
    return approval(occurred_at=START + timedelta(days=day))


@pytest.fixture
def partitioned(connection: BatchConnection) -> BatchConnection:
    """A ledger with an event, in two partitions of ten days since."""
    apply_events(connection, event_of(1))
    partition_ledger(connection, START + timedelta(days=10))
    add_partition(connection, START + timedelta(days=20))
    return connection


def test_the_order_is_that_of_applying_over_all_partitions(partitioned: BatchConnection) -> None:
    """A position from before the ledger was put in partitions, and from between two of them."""
    reader = Reader(partitioned, limit=1)
    reader.page()
    events = [event_of(day) for day in (15, 2, 16, 3)]
    for event in events:
        apply_events(partitioned, event)
    list(reader.catch_up())
    assert reader.seen[1:] == [event.event_id for event in events]


def test_pages_are_read_by_the_index_of_each_partition(partitioned: BatchConnection) -> None:
    """The ones that were there and those that are added later."""
    rows = partitioned.execute(
        "SELECT tablename FROM pg_indexes"
        " WHERE indexdef LIKE '%(applied_in, event_id) WITH (deduplicate_items%' ORDER BY 1"
    )
    assert [row[0] for row in rows] == [
        "approvals",
        "approvals_first",
        "approvals_from_2025_01_11_00",
    ]


def test_a_reader_that_missed_detached_events_is_told(partitioned: BatchConnection) -> None:
    """One that had read them goes on, and one that begins reads what the ledger holds."""
    behind, current = Reader(partitioned, limit=1), Reader(partitioned)
    behind.page()
    apply_events(partitioned, event_of(2), event_of(15))
    list(current.catch_up())
    detach_oldest(partitioned)
    with pytest.raises(FeedGapError, match="Begin without a position"):
        behind.page()
    event = event_of(16)
    apply_events(partitioned, event)
    assert list(current.catch_up()) == [event.event_id]
    assert len(ids(all_events(partitioned))) == 2


def test_a_partition_that_a_reader_has_not_read_is_not_detached(
    partitioned: BatchConnection,
) -> None:
    """Its name is in the message; nothing is changed."""
    reader = Reader(partitioned, limit=1)
    reader.page()
    apply_events(partitioned, event_of(2), event_of(3))

    def note() -> None:
        partitioned.execute(
            "INSERT INTO feed_readers (name, position) VALUES ('webhooks', %s)"
            " ON CONFLICT (name) DO UPDATE SET position = excluded.position",
            [reader.position],
        )

    note()
    with pytest.raises(LedgerPartitionError, match=r"not read yet \(webhooks\)"):
        detach_oldest(partitioned)
    assert len(all_events(partitioned)) == 3
    list(reader.catch_up())
    note()
    detach_oldest(partitioned)
    assert read(partitioned, reader.position).events == ()


def test_a_partition_is_not_detached_while_a_page_of_it_is_read(
    partitioned: BatchConnection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page would lack its events, and its position would say that they were read."""

    def detach() -> None:
        with connect(database_url, application="operator") as operator:
            detach_oldest(operator)

    read_difference, detaching = feed._difference, list[Future[None]]()

    def detach_before(*arguments: Any, **options: Any) -> FeedPage:
        detaching.append(operators.submit(detach))
        await_blocked_or_done(database_url, detaching[0])
        return read_difference(*arguments, **options)

    monkeypatch.setattr(feed, "_difference", detach_before)
    with ThreadPoolExecutor() as operators:
        page = read(partitioned)
    assert len(page.events) == 1
    detaching[0].result()
    monkeypatch.undo()
    assert read(partitioned, page.position).events == ()
