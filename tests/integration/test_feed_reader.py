"""The frame of readers: each effect once, whatever dies or fails meanwhile."""

import random
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg
import pytest
from approvals import apply_events, approval
from processes import DEADLINE, environment, eventually, exit_code, process
from psycopg import Connection

from signoff_db.connection import BatchConnection, connect_for_batches
from signoff_db.feed import FeedEvent, end
from signoff_db.feed_lag import readers
from signoff_db.feed_reader import FeedReader, Turn
from signoff_db.sql import statement
from signoff_schemas import ApprovalEvent


def count(connection: Connection[Any], events: Sequence[FeedEvent]) -> None:
    """A reader of one line."""
    connection.execute("UPDATE counter SET events = events + %s", [len(events)])


def counted(connection: Connection[Any]) -> int:
    """What the reader has counted."""
    row = connection.execute("SELECT events FROM counter").fetchone()
    assert row
    return int(row[0])


@pytest.fixture
def counter(connection: BatchConnection) -> BatchConnection:
    """A ledger in whose database a reader counts."""
    connection.execute("CREATE TABLE counter AS SELECT 0 AS events")
    return connection


def some_events(number: int) -> list[ApprovalEvent]:
    """Events of one user, each on an interaction of its own."""
    return [approval() for _ in range(number)]


@contextmanager
def open_reader(url: str, **options: Any) -> Iterator[FeedReader]:
    """A reader that counts."""
    reader = FeedReader("counter", options.pop("handle", count), url, **options)
    yield reader
    reader.close()


def read_all(reader: FeedReader) -> None:
    """Turns until there is no more."""
    while reader.turn() is not Turn.CAUGHT_UP:
        pass


def test_a_reader_has_each_effect_once(counter: BatchConnection, database_url: str) -> None:
    """In turns of a few events, and over a restart."""
    apply_events(counter, *some_events(25))
    with open_reader(database_url, limit=10) as reader:
        read_all(reader)
    apply_events(counter, *some_events(3))
    with open_reader(database_url, limit=10) as reader:
        read_all(reader)
    assert counted(counter) == 28


def test_a_reader_may_begin_now(counter: BatchConnection, database_url: str) -> None:
    """Whoever sends notifications does not want those of all the years."""
    apply_events(counter, *some_events(5))
    with open_reader(database_url, start=end(counter)) as reader:
        reader.turn()
        apply_events(counter, *some_events(2))
        read_all(reader)
    assert counted(counter) == 2


def test_a_failure_is_tried_again_and_can_be_seen(
    counter: BatchConnection, database_url: str
) -> None:
    """Nothing of the failed turn is kept; the reader's row says why, until it goes on."""
    apply_events(counter, *some_events(5))
    stop, failures = threading.Event(), 3

    def fail_at_first(connection: Connection[Any], events: Sequence[FeedEvent]) -> None:
        nonlocal failures
        count(connection, events)
        if failures:
            failures -= 1
            raise ValueError("not yet\n")

    with open_reader(database_url, handle=fail_at_first, poll=0.01) as reader:
        with pytest.raises(ValueError, match="not yet"):
            read_all(reader)
        reader._note_failure(ValueError("not yet\n"), 0)
        (state,) = readers(counter)
        assert (state.unread, state.failure) == (5, "ValueError: not yet\\n")
        running = threading.Thread(target=reader.run, args=[stop])
        running.start()
        eventually(lambda: counted(counter) == 5, what="the reader goes on")
        stop.set()
        running.join()
    (state,) = readers(counter)
    assert (state.unread, state.failure, state.failing_since) == (0, None, None)


def test_of_several_instances_one_works(counter: BatchConnection, database_url: str) -> None:
    """The others wait for its turn to end, and take over when it has gone."""
    apply_events(counter, *some_events(5))
    inside, go_on = threading.Event(), threading.Event()

    def hold(connection: Connection[Any], events: Sequence[FeedEvent]) -> None:
        inside.set()
        go_on.wait(DEADLINE)
        count(connection, events)

    with (
        open_reader(database_url, handle=hold) as first,
        open_reader(database_url) as second,
    ):
        assert first.turn() is Turn.WAITING, "it makes its row"
        working = threading.Thread(target=first.turn)
        working.start()
        assert inside.wait(DEADLINE)
        assert second.turn() is Turn.WAITING
        go_on.set()
        working.join()
        read_all(second)
    assert counted(counter) == 5


def test_many_instances_at_once_have_each_effect_once(
    counter: BatchConnection, database_url: str
) -> None:
    """They take turns."""
    stop = threading.Event()
    instances = [FeedReader("counter", count, database_url, limit=5, poll=0.01) for _ in range(3)]
    running = [threading.Thread(target=reader.run, args=[stop]) for reader in instances]
    for thread in running:
        thread.start()
    for _ in range(20):
        apply_events(counter, *some_events(10))
    eventually(lambda: counted(counter) >= 200, what="all are read")
    stop.set()
    for thread in running:
        thread.join()
    assert counted(counter) == 200


def test_effects_may_be_in_another_database(
    connection: BatchConnection, database_url: str, empty_database_url: str
) -> None:
    """It holds the position; the ledger's database has a copy, which shows the lag."""
    apply_events(connection, *some_events(15))
    with psycopg.connect(empty_database_url, autocommit=True) as other:
        other.execute(statement("feed_readers_table"))
        other.execute("CREATE TABLE counter AS SELECT 0 AS events")

        def effects() -> Connection[Any]:
            return psycopg.connect(empty_database_url, autocommit=True)

        with open_reader(database_url, effects=effects, limit=10) as reader:
            assert reader.turn() is Turn.WAITING
            assert reader.turn() is Turn.READ
            (state,) = readers(connection)
            assert (state.name, state.unread) == ("counter", 5)
            read_all(reader)
        assert counted(other) == 15
        connection.execute("DELETE FROM feed_readers")
        with open_reader(database_url, effects=effects, limit=10) as reader:
            read_all(reader)
        assert counted(other) == 15, "the copy does not count"


def test_a_reader_of_another_database_is_seen_before_it_has_read(
    connection: BatchConnection, database_url: str, empty_database_url: str
) -> None:
    """Also why it fails, if its own database is what fails."""
    apply_events(connection, *some_events(3))
    reachable = True

    def effects() -> Connection[Any]:
        if not reachable:
            raise OSError("no tunnel")
        return psycopg.connect(empty_database_url, autocommit=True)

    with psycopg.connect(empty_database_url, autocommit=True) as other:
        other.execute(statement("feed_readers_table"))
    with open_reader(database_url, effects=effects) as reader:
        reader.turn()
        (state,) = readers(connection)
        assert (state.unread, state.failure) == (3, None)
        reachable = False
        reader._note_failure(OSError("no tunnel"), 0)
        (state,) = readers(connection)
        assert state.failure == "OSError: no tunnel"


def test_an_idle_reader_writes_nothing(counter: BatchConnection, database_url: str) -> None:
    """Its polls make no transaction that would have to be read over."""
    apply_events(counter, *some_events(1))
    with open_reader(database_url) as reader:
        read_all(reader)
        before = counter.execute("SELECT position, updated_at FROM feed_readers").fetchone()
        for _ in range(5):
            assert reader.turn() is Turn.CAUGHT_UP
        assert counter.execute("SELECT position, updated_at FROM feed_readers").fetchone() == before


POINTS = ("after effects", "before commit", "after commit")


def test_a_reader_that_is_killed_ten_times_has_seen_each_event_once(
    connection: BatchConnection, database_url: str, tmp_path: Path
) -> None:
    """At every point of a turn, while four workers apply; SIGTERM ends it after its turn."""
    connection.execute("CREATE TABLE noted (event_id uuid)")
    over = threading.Event()
    applied: list[list[Any]] = [[] for _ in range(4)]

    def work(number: int) -> None:
        chance = random.Random(number)
        with connect_for_batches(database_url, application="worker") as worker:
            while not over.is_set():
                events = [approval(user_id=f"user-{number}") for _ in range(chance.randint(1, 40))]
                apply_events(worker, *events)
                applied[number] += [event.event_id for event in events]
                over.wait(0.02)

    crew = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for worker in crew:
        worker.start()
    log = tmp_path / "log"
    points = [POINTS[n % len(POINTS)] for n in range(10)]
    command = [sys.executable, "-m", "crashing_reader", "again", *points]
    try:
        with process(*command, env=environment("", database_url), log=log) as reader:
            eventually(
                lambda: log.read_text().count("died") == 10, what="it died ten times", log=log
            )
            over.set()
            for worker in crew:
                worker.join()
            eventually(
                lambda: _noted(connection) >= sum(map(len, applied)), what="all read", log=log
            )
            reader.send_signal(signal.SIGTERM)
            assert exit_code(reader, log=log) == 0
    finally:
        over.set()
    noted = [row[0] for row in connection.execute("SELECT event_id FROM noted")]
    assert sorted(noted) == sorted(chain.from_iterable(applied))


def _noted(connection: BatchConnection) -> int:
    row = connection.execute("SELECT count(*) FROM noted").fetchone()
    assert row
    return int(row[0])


def test_a_page_that_ends_exactly_with_the_last_event_is_no_standstill(
    counter: BatchConnection, database_url: str
) -> None:
    """The reader notes that there is no more, so it sees what is applied then."""
    apply_events(counter, *some_events(10))
    with open_reader(database_url, limit=5) as reader:
        turns = [reader.turn() for _ in range(5)]
        assert turns == [Turn.WAITING, *[Turn.READ] * 3, Turn.CAUGHT_UP]
        apply_events(counter, *some_events(5))
        assert reader.turn() is Turn.READ
    assert counted(counter) == 15
