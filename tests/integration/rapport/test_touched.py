"""Customers that change without an event are noted for the reader, which computes them anew."""

import threading
from uuid import uuid4

import psycopg
import pytest
from approvals import TEN, apply_events, approval
from plain_rapport import PlainReview
from processes import DEADLINE
from psycopg import Connection
from psycopg.rows import TupleRow
from rapport import catch_up, contexts_of, insert_reviews

from signoff_db.connection import BatchConnection, connect
from signoff_db.feed_reader import Turn
from signoff_insight.rapport.reader import RapportReader


@pytest.fixture
def settled(reader: RapportReader) -> RapportReader:
    """A reader that has computed the empty ledger."""
    catch_up(reader)
    return reader


def noted(connection: Connection[TupleRow]) -> list[str]:
    """The customers that are noted."""
    rows = connection.execute("SELECT user_id FROM touched_customers ORDER BY id")
    return [user_id for (user_id,) in rows]


def test_nothing_is_noted_where_nobody_wants_it(
    connection: BatchConnection, upstream: Connection[TupleRow]
) -> None:
    """An installation without a second database does no work for one."""
    apply_events(connection, approval())
    upstream.execute("INSERT INTO interactions (id, user_id) VALUES (gen_random_uuid(), 'ann')")
    upstream.execute("UPDATE interactions SET quality_score = 3")
    insert_reviews(upstream, [PlainReview(uuid4(), "ann", TEN)])
    upstream.execute("TRUNCATE interactions")
    assert noted(upstream) == []


def test_what_workers_do_is_not_noted(
    connection: BatchConnection, upstream: Connection[TupleRow], settled: RapportReader
) -> None:
    """It is in the feed; they must not get slower."""
    event = approval()
    apply_events(connection, event)
    apply_events(connection, approval(5, interaction_id=event.interaction_id))
    assert noted(upstream) == []
    catch_up(settled)


@pytest.mark.parametrize(
    ("statement", "customers"),
    [
        ("INSERT INTO interactions (id, user_id) VALUES (gen_random_uuid(), 'x')", ["x"]),
        ("INSERT INTO interactions (id) VALUES (gen_random_uuid())", []),
        ("UPDATE interactions SET quality_score = 1", ["user-1"]),
        ("UPDATE interactions SET user_id = 'x'", ["user-1", "x"]),
        ("DELETE FROM interactions", ["user-1"]),
        ("UPDATE reviews SET customer_message = 'other'", ["ann"]),
        ('UPDATE reviews SET context = \'{"customer": {"n": 1.0}}\'', ["ann"]),
        ("UPDATE reviews SET user_id = 'x'", ["ann", "x"]),
        ("UPDATE reviews SET received_at = received_at - interval '1 day'", ["ann"]),
        ("UPDATE reviews SET state = 'expired', decided_at = now()", ["ann"]),
        ("UPDATE reviews SET claimed_by = 'rev-1', claimed_until = now()", []),
        ("UPDATE reviews SET customer_message = customer_message", []),
        ("DELETE FROM reviews", ["ann"]),
    ],
)
def test_what_others_change_is_noted_once(
    connection: BatchConnection,
    upstream: Connection[TupleRow],
    settled: RapportReader,
    statement: str,
    customers: list[str],
) -> None:
    """And forgotten when the customers were computed."""
    apply_events(connection, approval())
    insert_reviews(upstream, [PlainReview(uuid4(), "ann", TEN, context={"customer": {"n": 1}})])
    catch_up(settled)
    upstream.execute(statement.encode())
    assert sorted(noted(upstream)) == customers
    assert settled.turn() is Turn.CAUGHT_UP
    assert noted(upstream) == []


def test_an_equal_number_in_other_digits_is_another_text(
    upstream: Connection[TupleRow], settled: RapportReader, rapport_url: str
) -> None:
    """Contexts are compared byte by byte."""
    insert_reviews(upstream, [PlainReview(uuid4(), "ann", TEN, context={"customer": {"n": 1}})])
    catch_up(settled)
    upstream.execute('UPDATE reviews SET context = \'{"customer": {"n": 1.00}}\'')
    catch_up(settled)
    assert str(contexts_of(rapport_url)["ann"]["customer"]["n"]) == "1.00"


def test_an_upstreams_own_triggers_are_noted(
    connection: BatchConnection, upstream: Connection[TupleRow], settled: RapportReader
) -> None:
    """Also if it is a worker's change that makes them write: nothing of that is in the feed."""
    upstream.execute("INSERT INTO interactions (id, user_id) VALUES (gen_random_uuid(), 'other')")
    catch_up(settled)
    upstream.execute(
        "CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE interactions SET quality_score = 1 WHERE user_id = 'other'; RETURN NULL; END $$"
    )
    upstream.execute(
        "CREATE TRIGGER own AFTER INSERT ON interactions FOR EACH ROW"
        " WHEN (NEW.last_event_id IS NOT NULL) EXECUTE FUNCTION own()"
    )
    apply_events(connection, approval(user_id="ann"))
    assert noted(upstream) == ["other"]


@pytest.mark.parametrize("table", ["interactions", "reviews"])
def test_a_truncated_table_changes_all_customers(
    connection: BatchConnection,
    upstream: Connection[TupleRow],
    settled: RapportReader,
    rapport_url: str,
    table: str,
) -> None:
    """So all are computed anew."""
    apply_events(connection, approval())
    insert_reviews(upstream, [PlainReview(uuid4(), "ann", TEN)])
    catch_up(settled)
    assert set(contexts_of(rapport_url)) == {"ann", "user-1"}
    upstream.execute(f"TRUNCATE {table} CASCADE".encode())
    catch_up(settled)
    held = contexts_of(rapport_url)
    if table == "reviews":
        assert set(held) == {"user-1"}
    else:
        assert held["user-1"]["counts"]["interactions"] == 0


def test_a_writer_that_began_before_is_waited_for(
    database_url: str, upstream: Connection[TupleRow], reader: RapportReader, rapport_url: str
) -> None:
    """It has noted nothing, since nobody wanted it; what it commits later must not be missed."""
    with connect(database_url) as other:
        with other.transaction():
            insert_reviews(other, [PlainReview(uuid4(), "early", TEN)])
            turns = [reader.turn() for _ in range(5)]
            assert turns[-1] is Turn.WAITING
            assert noted(upstream) == []
        catch_up(reader)
    assert set(contexts_of(rapport_url)) == {"early"}


def test_more_than_one_turn_takes(
    upstream: Connection[TupleRow], settled: RapportReader, rapport_url: str
) -> None:
    """A statement that changes many customers is followed by as many turns as they need."""
    upstream.execute(
        "INSERT INTO interactions (id, user_id)"
        " SELECT gen_random_uuid(), 'user-' || n FROM generate_series(1, 1200) AS n"
    )
    assert [settled.turn() for _ in range(3)] == [Turn.READ, Turn.READ, Turn.CAUGHT_UP]
    assert len(contexts_of(rapport_url)) == 1200


@pytest.mark.usefixtures("settled")
def test_writers_do_not_wait_for_each_other(
    database_url: str, upstream: Connection[TupleRow]
) -> None:
    """Two transactions may note the same customer."""
    insert_reviews(upstream, [PlainReview(uuid4(), "ann", TEN)])
    done = threading.Event()

    def post() -> None:
        with psycopg.connect(database_url, autocommit=True) as other:
            insert_reviews(other, [PlainReview(uuid4(), "ann", TEN)])
        done.set()

    with upstream.transaction():
        insert_reviews(upstream, [PlainReview(uuid4(), "ann", TEN)])
        thread = threading.Thread(target=post)
        thread.start()
        assert done.wait(DEADLINE)
    thread.join()
    assert noted(upstream) == ["ann"] * 3
