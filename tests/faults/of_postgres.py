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

from faults.deployment import Deployment
from faults.events import HOT, interaction
from faults.fault import Fault, NotHereError

TERMINATE: Final = """
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


def _stopped(how: signal.Signals, deployment: Deployment, _: Random) -> Iterator[None]:
    deployment.postgres.stop(how)
    yield
    deployment.postgres.start()


def _terminated(deployment: Deployment, _: Random) -> Iterator[None]:
    deployment.postgres.execute(TERMINATE)
    yield
    deployment.postgres.execute(TERMINATE)


def _locked(deployment: Deployment, _: Random) -> Iterator[None]:
    """Another session locks the table for longer than the role's lock_timeout."""
    deployment.postgres.execute("ALTER ROLE signoff SET lock_timeout = '50ms'")
    deployment.postgres.execute(TERMINATE)
    with deployment.postgres.admin() as rival:
        rival.execute("SET lock_timeout = 0")
        with rival.transaction():
            rival.execute("LOCK TABLE interactions IN EXCLUSIVE MODE")
            yield
    deployment.postgres.execute("ALTER ROLE signoff RESET lock_timeout")
    deployment.postgres.execute(TERMINATE)


def _failing_at_random(deployment: Deployment, _: Random) -> Iterator[None]:
    deployment.postgres.execute(_FAIL_AT_RANDOM)
    yield
    deployment.postgres.execute("DROP FUNCTION fail_at_random CASCADE")


def _deadlocked(deployment: Deployment, _: Random) -> Iterator[None]:
    """Another transaction locks the busiest interactions in the opposite order."""
    over = threading.Event()
    rival = threading.Thread(target=_rival, args=[deployment, over])
    before = _deadlocks(deployment)
    rival.start()
    try:
        eventually(lambda: _deadlocks(deployment) > before, what="a deadlock happened")
        yield
    finally:
        over.set()
        rival.join()


def _rival(deployment: Deployment, over: threading.Event) -> None:
    backwards = sorted((interaction(number)[0] for number in range(HOT)), reverse=True)
    with deployment.postgres.admin() as connection:
        connection.execute("SET deadlock_timeout = '5s'")
        while not over.is_set():
            with suppress(errors.DeadlockDetected), connection.transaction():
                for key in backwards:
                    connection.execute("SELECT FROM interactions WHERE id = %s FOR UPDATE", [key])
                    time.sleep(0.02)


def _deadlocks(deployment: Deployment) -> int:
    ((count,),) = deployment.postgres.execute(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    return int(count)


def _full(deployment: Deployment, _: Random) -> Iterator[None]:
    disk = deployment.postgres.disk
    if disk is None:
        raise NotHereError("a small disk cannot be mounted here: that needs root")
    since = deployment.workers.log.stat().st_size
    disk.fill()
    try:
        eventually(
            lambda: deployment.workers.said(b"No space left on device", since),
            what="the disk is full",
        )
        yield
    finally:
        disk.free()


def _read_only(deployment: Deployment, _: Random) -> Iterator[None]:
    since = deployment.workers.log.stat().st_size
    deployment.postgres.reconfigure(default_transaction_read_only="on")
    try:
        eventually(
            lambda: deployment.workers.said(b"read-only transaction", since), what="workers notice"
        )
        yield
    finally:
        deployment.postgres.reconfigure(default_transaction_read_only=None)


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
