"""Postgres stopped, full, locked, read-only, and transactions of others in the way."""

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
from faults.stage import Stage

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


def _stopped(how: signal.Signals, stage: Stage, _: Random) -> Iterator[None]:
    stage.postgres.stop(how)
    yield
    stage.postgres.start()


def _terminated(stage: Stage, _: Random) -> Iterator[None]:
    stage.postgres.execute(_TERMINATE)
    yield
    stage.postgres.execute(_TERMINATE)


def _locked(stage: Stage, _: Random) -> Iterator[None]:
    """Somebody holds the table, and the role has a lock_timeout that is far shorter."""
    stage.postgres.execute("ALTER ROLE signoff SET lock_timeout = '50ms'")
    stage.postgres.execute(_TERMINATE)
    with stage.postgres.admin() as rival:
        rival.execute("SET lock_timeout = 0")
        with rival.transaction():
            rival.execute("LOCK TABLE interactions IN EXCLUSIVE MODE")
            yield
    stage.postgres.execute("ALTER ROLE signoff RESET lock_timeout")
    stage.postgres.execute(_TERMINATE)


def _failing_at_random(stage: Stage, _: Random) -> Iterator[None]:
    stage.postgres.execute(_FAIL_AT_RANDOM)
    yield
    stage.postgres.execute("DROP FUNCTION fail_at_random CASCADE")


def _deadlocked(stage: Stage, _: Random) -> Iterator[None]:
    """A rival transaction locks the busiest interactions in the opposite order and waits longer."""
    over = threading.Event()
    rival = threading.Thread(target=_rival, args=[stage, over])
    before = _deadlocks(stage)
    rival.start()
    try:
        eventually(lambda: _deadlocks(stage) > before, what="a deadlock happened")
        yield
    finally:
        over.set()
        rival.join()


def _rival(stage: Stage, over: threading.Event) -> None:
    backwards = sorted((interaction(number)[0] for number in range(HOT)), reverse=True)
    with stage.postgres.admin() as connection:
        connection.execute("SET deadlock_timeout = '5s'")
        while not over.is_set():
            with suppress(errors.DeadlockDetected), connection.transaction():
                for key in backwards:
                    connection.execute("SELECT FROM interactions WHERE id = %s FOR UPDATE", [key])
                    time.sleep(0.02)


def _deadlocks(stage: Stage) -> int:
    ((count,),) = stage.postgres.execute(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    return int(count)


def _full(stage: Stage, _: Random) -> Iterator[None]:
    disk = stage.postgres.disk
    if disk is None:
        raise NotHereError("a small disk cannot be mounted here: that needs root")
    since = stage.workers.log.stat().st_size
    disk.fill()
    try:
        eventually(
            lambda: stage.workers.said(b"No space left on device", since), what="the disk is full"
        )
        yield
    finally:
        disk.free()


def _read_only(stage: Stage, _: Random) -> Iterator[None]:
    since = stage.workers.log.stat().st_size
    stage.postgres.reconfigure(default_transaction_read_only="on")
    try:
        eventually(
            lambda: stage.workers.said(b"read-only transaction", since), what="workers notice"
        )
        yield
    finally:
        stage.postgres.reconfigure(default_transaction_read_only=None)


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
