"""A dry run leaves the machine, and rows that others hold, to workers."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from approvals import apply_events, approval
from letters import bury
from processes import eventually

from signoff_db.batches import never
from signoff_db.connection import (
    BatchConnection,
    DatabaseUnavailableError,
    connect,
    connect_for_batches,
)
from signoff_db.operations import starting, table
from signoff_db.operations.lease import End, claim
from signoff_db.operations.load import Load, load_of_workers
from signoff_db.operations.operation import OperationAction, OperationState
from signoff_db.operations.running import run
from signoff_db.operations.starting import Wanted
from signoff_db.selection import Selection

DRY = Wanted(OperationAction.REPLAY, "ann", None, dry_run=True)
REAL = Wanted(OperationAction.REPLAY, "ann", None, dry_run=False)
DONE = End(OperationState.DONE)


@pytest.fixture
def reading(database_url: str) -> Iterator[BatchConnection]:
    """The second connection of a runner."""
    with connect_for_batches(database_url, application="reading") as opened:
        yield opened


@contextmanager
def worker(database_url: str) -> Iterator[psycopg.Connection]:
    """A session of a worker."""
    with connect(database_url, application="signoff stock worker") as session:
        yield session


def rests_of(connection: BatchConnection, reading: BatchConnection) -> list[float]:
    """The seconds for which a dry run of all letters rests."""
    starting.start(connection, Selection(), DRY)
    claimed = claim(connection)
    assert claimed
    rests: list[float] = []
    assert run(connection, claimed, reading=reading, should_stop=never, rest=rests.append) == DONE
    return rests


def test_what_workers_do_is_seen(connection: BatchConnection, database_url: str) -> None:
    """One that is in the middle of a transaction, one that was a moment ago, and none."""
    assert load_of_workers(connection) is Load.NONE
    with worker(database_url) as session:
        with session.transaction():
            session.execute("SELECT")
            assert load_of_workers(connection) is Load.FULL
        for _ in range(1000):
            session.execute("SELECT")
            if load_of_workers(connection) is Load.SOME:  # not if this took more than a second
                break
        else:
            raise AssertionError
    eventually(lambda: load_of_workers(connection) is Load.NONE, what="the session has ended")


def test_a_dry_run_rests_for_long_while_a_worker_works(
    connection: BatchConnection, reading: BatchConnection, database_url: str
) -> None:
    """More than thirty times as long as it works; without workers, for a moment."""
    bury(connection, *(approval() for _ in range(30)))
    alone = rests_of(connection, reading)
    with worker(database_url) as session, session.transaction():
        session.execute("SELECT")
        beside = rests_of(connection, reading)
    assert len(alone) == len(beside) == 1
    assert beside[0] > 5 * alone[0]


def test_a_page_that_meets_a_lock_holds_none_until_it_is_tried_again(
    connection: BatchConnection, reading: BatchConnection, database_url: str
) -> None:
    """Workers that wait for the page's rows go on meanwhile."""
    known = approval()
    apply_events(connection, known)
    bury(connection, approval(1, interaction_id=known.interaction_id), approval(user_id="other"))
    started = starting.start(connection, Selection(), DRY)
    claimed = claim(connection)
    assert claimed
    with worker(database_url) as session:
        session.execute("BEGIN")
        session.execute("SELECT FROM interactions FOR UPDATE")

        def rest(_seconds: float) -> None:
            session.execute("SELECT FROM dead_letters FOR UPDATE NOWAIT")
            session.execute("COMMIT")

        assert run(connection, claimed, reading=reading, should_stop=never, rest=rest) == DONE
    told = table.read(connection, started)
    assert told
    assert (told.tried, told.effect.locked) == (2, 0)


def test_letters_that_cannot_be_read_are_an_outage(
    connection: BatchConnection, reading: BatchConnection
) -> None:
    """They are read on another connection, which may be lost alone; then nothing has changed."""
    bury(connection, approval())
    started = starting.start(connection, Selection(), REAL)
    claimed = claim(connection)
    assert claimed
    connection.execute("SELECT pg_terminate_backend(%s)", [reading.info.backend_pid])
    with pytest.raises(DatabaseUnavailableError):
        run(connection, claimed, reading=reading, should_stop=never)
    found = table.read(connection, started)
    assert found
    assert (found.state, found.tried) == (OperationState.RUNNING, 0)
