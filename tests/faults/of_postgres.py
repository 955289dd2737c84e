"""Postgres is stopped, full, locked or read-only, or other transactions block it."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from random import Random
from typing import Final

from processes import eventually
from psycopg import errors

from faults.events import HOT, interaction
from faults.fault import Fault, NotHereError
from faults.testbed import Testbed

_TERMINATE: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname IS NOT NULL AND pid <> pg_backend_pid()"""
_FAIL_AT_RANDOM: Final = """
    CREATE FUNCTION fail_at_random() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF random() < 0.5 THEN
            RAISE EXCEPTION 'in the way' USING ERRCODE =
                (ARRAY['40001', '40P01', '55P03'])[1 + floor(random() * 3)::int];
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER fail_at_random AFTER INSERT ON approvals
        FOR EACH STATEMENT EXECUTE FUNCTION fail_at_random()"""


def _stopped(how: signal.Signals, testbed: Testbed, _: Random) -> Iterator[None]:
    testbed.postgres.stop(how)
    yield
    testbed.postgres.start()


def _terminated(testbed: Testbed, _: Random) -> Iterator[None]:
    testbed.postgres.execute(_TERMINATE)
    yield
    testbed.postgres.execute(_TERMINATE)


def _locked(testbed: Testbed, _: Random) -> Iterator[None]:
    """Another session locks the table for longer than the role's lock_timeout."""
    testbed.postgres.execute("ALTER ROLE signoff SET lock_timeout = '50ms'")
    testbed.postgres.execute(_TERMINATE)
    with testbed.postgres.admin() as rival:
        rival.execute("SET lock_timeout = 0")
        with rival.transaction():
            rival.execute("LOCK TABLE interactions IN EXCLUSIVE MODE")
            yield
    testbed.postgres.execute("ALTER ROLE signoff RESET lock_timeout")
    testbed.postgres.execute(_TERMINATE)


def _failing_at_random(testbed: Testbed, _: Random) -> Iterator[None]:
    testbed.postgres.execute(_FAIL_AT_RANDOM)
    yield
    testbed.postgres.execute("DROP FUNCTION fail_at_random CASCADE")


def _deadlocked(testbed: Testbed, _: Random) -> Iterator[None]:
    """Another transaction locks the busiest interactions in the opposite order."""
    over = threading.Event()
    rival = threading.Thread(target=_rival, args=[testbed, over])
    before = _deadlocks(testbed)
    rival.start()
    try:
        eventually(lambda: _deadlocks(testbed) > before, what="a deadlock happened")
        yield
    finally:
        over.set()
        rival.join()


def _rival(testbed: Testbed, over: threading.Event) -> None:
    backwards = sorted((interaction(number)[0] for number in range(HOT)), reverse=True)
    with testbed.postgres.admin() as connection:
        connection.execute("SET deadlock_timeout = '5s'")
        while not over.is_set():
            with suppress(errors.DeadlockDetected), connection.transaction():
                for key in backwards:
                    connection.execute("SELECT FROM interactions WHERE id = %s FOR UPDATE", [key])
                    time.sleep(0.02)


def _deadlocks(testbed: Testbed) -> int:
    ((count,),) = testbed.postgres.execute(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    return int(count)


def _full(testbed: Testbed, _: Random) -> Iterator[None]:
    disk = testbed.postgres.disk
    if disk is None:
        raise NotHereError("a small disk cannot be mounted here: that needs root")
    since = testbed.workers.log.stat().st_size
    disk.fill()
    try:
        eventually(
            lambda: testbed.workers.said(b"No space left on device", since), what="the disk is full"
        )
        yield
    finally:
        disk.free()


def _read_only(testbed: Testbed, _: Random) -> Iterator[None]:
    since = testbed.workers.log.stat().st_size
    testbed.postgres.reconfigure(default_transaction_read_only="on")
    try:
        eventually(
            lambda: testbed.workers.said(b"read-only transaction", since), what="workers notice"
        )
        yield
    finally:
        testbed.postgres.reconfigure(default_transaction_read_only=None)


FAULTS: Final = (
    Fault("Postgres: fast stop, restart", "postgres", partial(_stopped, signal.SIGINT)),
    Fault(
        "Postgres: immediate stop, restart",
        "postgres",
        partial(_stopped, signal.SIGQUIT),
        takes_long=True,
    ),
    Fault("Postgres: kill -9, restart", "postgres", partial(_stopped, signal.SIGKILL)),
    Fault("Postgres: all connections terminated", "postgres", _terminated),
    Fault("Postgres: table locked, lock_timeout 50 ms", "postgres", _locked),
    Fault("Postgres: deadlocks with a rival", "postgres", _deadlocked),
    Fault("Postgres: 40001, 40P01, 55P03 at random", "postgres", _failing_at_random),
    Fault("Postgres: disk full", "postgres", _full),
    Fault("Postgres: read-only", "postgres", _read_only),
)
