"""A database that was restored from a dump: its transaction ids begin anew."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from approvals import apply_events, approval
from dumps import dump, restore
from feeds import all_events, ids
from psycopg import Connection

from signoff_db.connection import DatabaseUnavailableError, connect_for_batches
from signoff_db.feed import FeedEvent, pages, read
from signoff_db.feed_reader import FeedReader, Turn
from signoff_db.feed_state import FeedRestoredError
from signoff_db.migrate import NEW_EPOCH, MigrationError, migrate, pending, require_current
from signoff_embedded import embedded_postgres


@pytest.fixture(scope="module")
def other_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A second cluster, whose transaction ids are smaller.

    TEST_OTHER_POSTGRES_URL names another one.
    """
    if given := os.environ.get("TEST_OTHER_POSTGRES_URL"):
        yield given
        return
    with embedded_postgres(tmp_path_factory.mktemp("other"), fsync=False) as url:
        yield url


def bring(source: str, target: str) -> None:
    """Bring a database to another place by a dump, in place of what is there."""
    dumped = dump(source, "--no-owner")
    with psycopg.connect(target, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS signoff CASCADE; DROP TABLE IF EXISTS counter")
    restore(dumped, target)


def grow(connection: Connection[Any], transactions: int) -> None:
    """Use up transaction ids."""
    for _ in range(transactions):
        connection.execute("SELECT pg_current_xact_id()")


def test_after_a_restore_into_another_cluster_a_reader_is_told(
    database_url: str, other_server: str
) -> None:
    """Nobody applies or reads before the new epoch; then the order goes on where it ended."""
    with connect_for_batches(database_url, application="test") as connection:
        grow(connection, 300)
        first, second, third = (approval() for _ in range(3))
        apply_events(connection, first)
        page = read(connection, limit=1)
        apply_events(connection, second)
    bring(database_url, other_server)

    assert pending(other_server) == [NEW_EPOCH]
    with pytest.raises(MigrationError, match="restored from a dump"):
        require_current(other_server)
    with pytest.raises(DatabaseUnavailableError, match="restored from a dump"):
        connect_for_batches(other_server, application="test")
    with psycopg.connect(other_server, options="-c search_path=signoff") as connection:
        for after in (None, page.position):
            with pytest.raises(FeedRestoredError, match="run `signoff migrate`"):
                read(connection, after)

    assert migrate(other_server) == [NEW_EPOCH]
    assert pending(other_server) == []
    with connect_for_batches(other_server, application="test") as connection:
        apply_events(connection, third)
        with pytest.raises(FeedRestoredError, match="restored from a dump since"):
            read(connection, page.position)
        accepted = all_events(connection, page.position, accept_restore=True)
        assert ids(accepted) == [second.event_id, third.event_id]
        everything = all_events(connection, size=1)
        assert ids(everything) == [first.event_id, second.event_id, third.event_id]
        last = everything[-1].position
        fourth = approval()
        apply_events(connection, fourth)
        assert ids(all_events(connection, last)) == [fourth.event_id]


def test_two_restores_of_one_dump_are_two_feeds(database_url: str, other_server: str) -> None:
    """A position of the first is not one of the second."""
    with connect_for_batches(database_url, application="test") as connection:
        apply_events(connection, approval())
    positions = []
    for _ in range(2):
        bring(database_url, other_server)
        migrate(other_server)
        with connect_for_batches(other_server, application="test") as connection:
            *_, page = pages(connection)
            positions.append(page.position)
            if len(positions) == 2:
                with pytest.raises(FeedRestoredError):
                    read(connection, positions[0])


def test_a_restore_of_a_restored_database_goes_on_too(database_url: str, other_server: str) -> None:
    """Back and forth: each epoch is behind the one before."""
    events = [approval() for _ in range(4)]
    with connect_for_batches(database_url, application="test") as connection:
        apply_events(connection, events[0])
    here, there = database_url, other_server
    for event in events[1:]:
        bring(here, there)
        migrate(there)
        with connect_for_batches(there, application="test") as connection:
            apply_events(connection, event)
        here, there = there, here
    with connect_for_batches(here, application="test") as connection:
        found = ids(all_events(connection, size=1))
        assert found == [event.event_id for event in events]


def test_a_reader_whose_position_was_restored_with_the_ledger_goes_on(
    database_url: str, other_server: str
) -> None:
    """Its effects are those of the dump, too: the rest of the old epoch comes, then the new one."""

    def count(connection: Connection[Any], events: Sequence[FeedEvent]) -> None:
        connection.execute("UPDATE counter SET events = events + %s", [len(events)])

    with connect_for_batches(database_url, application="test") as connection:
        grow(connection, 300)
        connection.execute("CREATE TABLE counter AS SELECT 0 AS events")
        apply_events(connection, *[approval() for _ in range(10)])
        reader = FeedReader("counter", count, database_url, limit=4)
        assert (reader.turn(), reader.turn()) == (Turn.WAITING, Turn.READ)
        reader.close()
    bring(database_url, other_server)
    reader = FeedReader("counter", count, other_server, limit=4)
    with pytest.raises(FeedRestoredError):
        reader.turn()
    migrate(other_server)
    with connect_for_batches(other_server, application="test") as connection:
        apply_events(connection, *[approval() for _ in range(5)])
        while reader.turn() is not Turn.CAUGHT_UP:
            pass
        reader.close()
        assert connection.execute("SELECT events FROM counter").fetchone() == (15,)


def test_a_restore_into_the_same_cluster_is_noticed(database_url: str) -> None:
    """Its transaction ids go on, but events that readers have read may be gone."""
    with connect_for_batches(database_url, application="test") as connection:
        apply_events(connection, approval())
        *_, page = pages(connection)
    bring(database_url, database_url)
    assert migrate(database_url) == [NEW_EPOCH]
    with (
        connect_for_batches(database_url, application="test") as connection,
        pytest.raises(FeedRestoredError),
    ):
        read(connection, page.position)


def test_rows_of_transactions_that_the_server_has_not_reached_are_noticed(
    database_url: str, other_server: str
) -> None:
    """The ledger alone was brought over, into tables that were made here."""
    old, new = approval(), approval()
    with connect_for_batches(database_url, application="test") as connection:
        grow(connection, 2000)
        apply_events(connection, old)
    with psycopg.connect(other_server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS signoff CASCADE")
    migrate(other_server)
    assert pending(other_server) == []
    restore(dump(database_url, "--data-only", "--table=signoff.approvals"), other_server)
    with pytest.raises(DatabaseUnavailableError, match="restored from a dump"):
        connect_for_batches(other_server, application="test")
    assert migrate(other_server) == [NEW_EPOCH]
    with connect_for_batches(other_server, application="test") as connection:
        apply_events(connection, new)
        assert ids(all_events(connection)) == [old.event_id, new.event_id]
