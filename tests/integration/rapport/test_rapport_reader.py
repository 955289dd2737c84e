"""The reader that keeps contexts: one works, it goes on where it was, and it says what is wrong."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from approvals import TEN, apply_events, approval
from plain_rapport import PlainReview
from processes import eventually
from psycopg import Connection
from psycopg.rows import TupleRow
from rapport import catch_up, contexts_of, insert_reviews, keep_contexts, open_rapport, texts_of

from signoff_db.connection import BatchConnection, connect
from signoff_db.feed_lag import readers
from signoff_db.feed_reader import Turn
from signoff_db.feed_state import FeedRestoredError
from signoff_insight.rapport.create import NotCreatedError, create
from signoff_insight.rapport.reader import RapportReader
from signoff_insight.rapport.rebuild import KeptByNewerError
from signoff_ops.rapport import context_of
from signoff_schemas import Settings


@pytest.fixture
def rapport(rapport_url: str) -> Iterator[Connection[TupleRow]]:
    """A connection to the second database."""
    with connect(rapport_url) as connection:
        yield connection


def as_of(rapport: Connection[TupleRow], user: str = "user-1") -> dict[str, Any]:
    """How far a context says that it reaches."""
    text = context_of(rapport, user)
    assert text
    row = rapport.execute("SELECT %s::jsonb -> 'as_of'", [text]).fetchone()
    assert row
    found: dict[str, Any] = row[0]
    return found


def test_of_two_instances_one_works(
    connection: BatchConnection, database_url: str, rapport_url: str
) -> None:
    """While events arrive; both together have the contexts that one would have."""
    stop = threading.Event()
    with (
        open_rapport(database_url, rapport_url, poll=0.01, page=3) as one,
        open_rapport(database_url, rapport_url, poll=0.01, page=3) as two,
    ):
        running = [threading.Thread(target=each.run, args=[stop]) for each in (one, two)]
        for thread in running:
            thread.start()
        for number in range(20):
            apply_events(connection, approval(number), approval(number, user_id="ann"))
        eventually(
            lambda: (
                [c["counts"]["approvals"] for c in contexts_of(rapport_url).values()] == [20, 20]
            ),
            what="both are computed",
        )
        stop.set()
        for thread in running:
            thread.join()
    kept = texts_of(rapport_url)
    keep_contexts(database_url, rapport_url)
    assert texts_of(rapport_url) == kept


def test_the_second_instance_waits_for_the_turn_of_the_first(
    connection: BatchConnection, database_url: str, rapport_url: str, rapport: Connection[TupleRow]
) -> None:
    """And goes on when it has ended."""
    keep_contexts(database_url, rapport_url)
    apply_events(connection, approval())
    with open_rapport(database_url, rapport_url) as second:
        with rapport.transaction():
            rapport.execute("SELECT FROM feed_readers FOR UPDATE")
            assert second.turn() is Turn.WAITING
        assert second.turn() is Turn.CAUGHT_UP
    assert set(contexts_of(rapport_url)) == {"user-1"}


def test_it_is_seen_in_the_ledgers_database(
    connection: BatchConnection, reader: RapportReader
) -> None:
    """As each reader is, with what it has not read."""
    catch_up(reader)
    apply_events(connection, approval(), approval())
    (state,) = readers(connection)
    assert (state.name, state.unread, state.failure) == ("rapport", 2, None)
    catch_up(reader)
    (state,) = readers(connection)
    assert state.unread == 0


def test_an_idle_reader_writes_nothing(
    connection: BatchConnection, reader: RapportReader, rapport: Connection[TupleRow]
) -> None:
    """Its looks make no rows that have to be vacuumed."""
    apply_events(connection, approval())
    catch_up(reader)
    rows = "SELECT f.xmin::text, s.xmin::text FROM feed_readers f, rapport_state s"
    before = rapport.execute(rows).fetchone()
    for _ in range(3):
        assert reader.turn() is Turn.CAUGHT_UP
    assert rapport.execute(rows).fetchone() == before


def test_a_context_says_how_far_it_reaches(
    connection: BatchConnection, database_url: str, rapport_url: str, rapport: Connection[TupleRow]
) -> None:
    """Behind: while there is more to read, and when the reader has not worked for minutes."""
    with open_rapport(database_url, rapport_url, page=2) as reader:
        apply_events(connection, approval())
        catch_up(reader)
        found = as_of(rapport)
        assert found["is_behind"] is False
        until = datetime.fromisoformat(found["read_until"])
        assert abs(datetime.now(UTC) - until) < timedelta(minutes=3)
        apply_events(connection, *[approval(n) for n in range(5)])
        assert reader.turn() is Turn.READ
        assert as_of(rapport) == {"is_behind": True, "read_until": found["read_until"]}
        catch_up(reader)
        assert as_of(rapport)["is_behind"] is False
        rapport.execute("UPDATE rapport_state SET read_until = now() - interval '10 minutes'")
        assert as_of(rapport)["is_behind"] is True
        reader._note_failure(ValueError("no"), 0)
        catch_up(reader)
        assert as_of(rapport)["is_behind"] is False
        reader.begin_rebuild()
        assert as_of(rapport)["is_behind"] is True


def test_an_unknown_customer_has_no_context(
    reader: RapportReader, rapport: Connection[TupleRow]
) -> None:
    """Nor has a name that cannot be one."""
    catch_up(reader)
    assert context_of(rapport, "nobody") is None
    assert context_of(rapport, "a\0b") is None


def test_without_tables_it_says_what_to_do(database_url: str, empty_database_url: str) -> None:
    """The tables are made by a command of their own, as another role perhaps."""
    url = Settings.load(rapport_url=empty_database_url).rapport
    with (
        open_rapport(database_url, url) as reader,
        pytest.raises(NotCreatedError, match="signoff rapport create"),
    ):
        reader.turn()


def test_tables_may_be_made_again(
    connection: BatchConnection, reader: RapportReader, rapport_url: str
) -> None:
    """What is there stays."""
    apply_events(connection, approval())
    catch_up(reader)
    create(rapport_url)
    assert set(contexts_of(rapport_url)) == {"user-1"}


def test_a_newer_releases_contexts_are_left_alone(
    reader: RapportReader, rapport: Connection[TupleRow]
) -> None:
    """The old one says so, and does not rebuild what the new one keeps."""
    catch_up(reader)
    rapport.execute("UPDATE rapport_state SET definitions = 99")
    with pytest.raises(KeptByNewerError, match="definitions 99"):
        reader.turn()


def test_contexts_of_an_older_release_are_computed_anew(
    connection: BatchConnection, reader: RapportReader, rapport: Connection[TupleRow]
) -> None:
    """By the first process of the newer one."""
    apply_events(connection, approval())
    catch_up(reader)
    rapport.execute("UPDATE rapport_state SET definitions = 0")
    rapport.execute("UPDATE contexts SET context = '{}'")
    catch_up(reader)
    assert context_of(rapport, "user-1") != "{}"
    row = rapport.execute("SELECT definitions, customers_rebuilt FROM rapport_state").fetchone()
    assert row == (1, 1)


def test_another_ledger_is_noticed(
    connection: BatchConnection, reader: RapportReader, rapport: Connection[TupleRow]
) -> None:
    """A ledger that was restored to an earlier time: it says so, until somebody rebuilds."""
    apply_events(connection, approval())
    catch_up(reader)
    rapport.execute(
        "UPDATE feed_readers SET position = regexp_replace(position, '^1\\.\\w+', '1.' || %s)",
        [uuid4().hex],
    )
    with pytest.raises(FeedRestoredError, match="signoff rapport rebuild --yes"):
        reader.turn()
    reader.begin_rebuild()
    catch_up(reader)


def test_an_earlier_second_database_is_noticed(
    upstream: Connection[TupleRow],
    reader: RapportReader,
    rapport: Connection[TupleRow],
    rapport_url: str,
) -> None:
    """Restored from a dump, it lacks changes that are not noted any more: it computes all."""
    catch_up(reader)
    dumped = rapport.execute("SELECT touched_upto FROM rapport_state").fetchone()
    insert_reviews(upstream, [PlainReview(uuid4(), "ann", TEN)])
    catch_up(reader)
    rapport.execute("UPDATE rapport_state SET touched_upto = %s", dumped)
    rapport.execute("TRUNCATE contexts")
    catch_up(reader)
    assert set(contexts_of(rapport_url)) == {"ann"}


def test_a_reader_that_was_forgotten_begins_anew(
    upstream: Connection[TupleRow], reader: RapportReader, rapport_url: str
) -> None:
    """Nothing was noted for it since an operator deleted its row in the ledger's database."""
    catch_up(reader)
    upstream.execute("SELECT signoff_forget_reader('rapport')")
    insert_reviews(upstream, [PlainReview(uuid4(), "ann", TEN)])
    catch_up(reader)
    assert set(contexts_of(rapport_url)) == {"ann"}
    insert_reviews(upstream, [PlainReview(uuid4(), "bob", TEN)])
    catch_up(reader)
    assert set(contexts_of(rapport_url)) == {"ann", "bob"}


def test_either_database_may_be_away(
    connection: BatchConnection, database_url: str, rapport_url: str
) -> None:
    """Its connections are lost again and again; nothing is, and it catches up."""
    stop = threading.Event()
    with open_rapport(database_url, rapport_url, poll=0.01, page=2) as reader:
        thread = threading.Thread(target=reader.run, args=[stop])
        thread.start()
        for number in range(12):
            apply_events(connection, approval(number), approval(number, user_id=f"u{number}"))
            with psycopg.connect(rapport_url if number % 2 else database_url) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name LIKE 'signoff feed rapport%'"
                    " AND datname = current_database()"
                )
        eventually(lambda: len(contexts_of(rapport_url)) == 13, what="all are computed")
        stop.set()
        thread.join()
    kept = texts_of(rapport_url)
    keep_contexts(database_url, rapport_url)
    assert texts_of(rapport_url) == kept
