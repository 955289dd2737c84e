"""Run operations, until stopped: the process behind `signoff operations run`.

A turn:

1. take the operation that has been due for longest, under a lease;
2. work on it, batch by batch, until it ends, pauses because of its rate, or others have waited for
   some seconds;
3. note how it ended, or give it back.

If there is none, wait for a notification, or for a moment. Once an hour, what need not be kept any
more of operations that ended is deleted. Any number of runners may run. One that
is killed loses its lease after half a minute, and another one goes on. While Postgres is
unavailable, a runner waits with backoff.
"""

import logging
import os
import socket
import threading
import time
from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import uuid4

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import BatchConnection, DatabaseUnavailableError, connect_for_batches
from signoff_db.error_text import reason_of
from signoff_db.migrate import require_current
from signoff_db.operations import lease as leases
from signoff_db.operations.lease import LEASE, Claimed, End, LeaseLostError
from signoff_db.operations.operation import OperationState
from signoff_db.operations.retention import forget
from signoff_db.operations.running import run
from signoff_db.operations.table import RUNNER_APPLICATION
from signoff_db.transactions import raising_outages
from signoff_ops.audits import run_audits
from signoff_schemas import Settings, SignoffError
from signoff_schemas.backoff import StoppedError, retry_outages
from signoff_schemas.wording import printable

log = logging.getLogger("signoff.operations")

_POLL: Final = 5.0
"""Seconds between looks, if nothing notifies."""
_SLICE: Final = 2.0
"""So long an operation goes on while others wait."""
_BEAT: Final = 10.0
"""Seconds between two notes that the runner runs."""
_FORGET: Final = 3600.0
"""Seconds between looks for what need not be kept any more."""
_LEAVE_AUDIT: Final = 1.0
"""So long an audit that is under way may take to end; then the next process begins it anew."""
_STOP_CHECK: Final = 0.5
_LONGEST_MESSAGE: Final = 500


def run_operations(settings: Settings, stop: threading.Event) -> None:
    """Run operations until `stop` is set.

    Raises:
        SettingsError: no database is set.
        MigrationError: the database lacks tables. One that cannot be reached is waited for.
    """
    url = settings.require("database_url")
    with suppress(DatabaseUnavailableError):
        require_current(url)
    # An audit takes minutes; operations do not wait for it.
    audits = threading.Thread(target=run_audits, args=(settings, stop), daemon=True)
    audits.start()
    Runner(url).run(stop)
    audits.join(_LEAVE_AUDIT)


class Runner:
    """One runner; any number of them may run."""

    def __init__(self, database_url: str, *, lease: timedelta = LEASE, poll: float = _POLL) -> None:
        """Takes what makes it this runner.

        Args:
            database_url: of the operations.
            lease: how long an operation waits for a runner that was killed.
            poll: seconds between looks, if nothing notifies.
        """
        self._database_url = database_url
        self._lease = lease
        self._poll = poll
        self._id = uuid4()
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._connection: BatchConnection | None = None
        self._reading: BatchConnection | None = None
        self._taken: Claimed | None = None
        self._beat_at = 0.0
        self._forget_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Run operations until stopped; the batch in hand is finished."""
        try:
            while not stop.is_set():
                retry_outages(
                    lambda: self.turn(stop),
                    outages=lambda error: isinstance(error, DatabaseUnavailableError),
                    on_outage=self._note_outage,
                    on_recovery=lambda: log.info("the runner of operations goes on"),
                    wait=stop.wait,
                )
        except StoppedError:
            pass
        finally:
            self.close()

    def turn(self, stop: threading.Event) -> bool:
        """Work on an operation, or wait for one; returns whether there was one.

        Raises:
            DatabaseUnavailableError: Postgres is unavailable; what is not committed is undone.
        """
        connection, reading = self._connected(), self._reader()
        with raising_outages(connection):
            self._beat(connection)
            self._forget(connection)
            self._taken = leases.claim(connection, lease=self._lease)
            if self._taken is None:
                self._wait(connection, stop)
                return False
            self._work(connection, reading, self._taken, stop)
            self._taken = None
            return True

    def _work(
        self,
        connection: BatchConnection,
        reading: BatchConnection,
        claimed: Claimed,
        stop: threading.Event,
    ) -> None:
        until = time.monotonic() + _SLICE

        def should_stop() -> bool:
            nonlocal until
            self._beat(connection)
            if stop.is_set():
                return True
            if time.monotonic() < until:
                return False
            until = time.monotonic() + _SLICE
            return leases.others_wait(connection, claimed)

        try:
            with raising_outages(connection):
                ended = run(
                    connection, claimed, reading=reading, should_stop=should_stop, rest=stop.wait
                )
        except DatabaseUnavailableError:
            raise
        except LeaseLostError as error:
            log.info("%s", error)
            return
        except Exception as error:
            log.exception("operation %d failed", claimed.id)
            ended = End(OperationState.FAILED, _why(error))
        if isinstance(ended, End):
            leases.end(connection, claimed, ended)
            log.info("operation %d: %s", claimed.id, ended.state)
        else:
            leases.release(connection, claimed, ended)

    def _wait(self, connection: BatchConnection, stop: threading.Event) -> None:
        """Wait until an operation may be due, or a new one is notified."""
        due = leases.seconds_to_next(connection)
        until = time.monotonic() + (self._poll if due is None else max(0.0, min(due, self._poll)))
        while not stop.is_set() and (left := until - time.monotonic()) > 0:
            if any(connection.notifies(timeout=min(left, _STOP_CHECK), stop_after=1)):
                return

    def _beat(self, connection: Connection[TupleRow]) -> None:
        if time.monotonic() >= self._beat_at:
            leases.beat(connection, self._id, self._name)
            self._beat_at = time.monotonic() + _BEAT

    def _forget(self, connection: Connection[TupleRow]) -> None:
        """Forget what need not be kept any more: of one operation a turn, then for an hour none."""
        if time.monotonic() < self._forget_at:
            return
        try:
            more = forget(connection)
        except psycopg.errors.InsufficientPrivilege as error:
            log.warning("letters of old operations are kept: %s", reason_of(error))
            more = False
        if not more:
            self._forget_at = time.monotonic() + _FORGET

    def _connected(self) -> BatchConnection:
        if self._connection is None:
            self._connection = connect_for_batches(
                self._database_url, application=RUNNER_APPLICATION
            )
            with raising_outages(self._connection):
                self._connection.execute("LISTEN signoff_operations")
                if self._taken is not None:  # lost with the last connection
                    leases.release(self._connection, self._taken)
                    self._taken = None
        return self._connection

    def _reader(self) -> BatchConnection:
        """The connection on which letters are read while others are tried."""
        if self._reading is None:
            self._reading = connect_for_batches(self._database_url, application=RUNNER_APPLICATION)
        return self._reading

    def _note_outage(self, error: Exception, delay: float) -> None:
        log.warning("Postgres is unavailable, next try in %.1f s: %s", delay, error)
        self._disconnect()

    def close(self) -> None:
        """Say that this runner has ended; without Postgres, that shows after a while."""
        if self._connection is not None and not self._connection.closed:
            with suppress(psycopg.Error):
                if self._taken is not None:
                    leases.release(self._connection, self._taken)
                leases.leave(self._connection, self._id)
        self._disconnect()

    def _disconnect(self) -> None:
        for connection in (self._connection, self._reading):
            if connection is not None:
                connection.close()
        self._connection = self._reading = None


def _why(error: Exception) -> str:
    """A sentence for the operator; the log has the rest."""
    if isinstance(error, SignoffError):
        return printable(str(error), limit=_LONGEST_MESSAGE)
    if isinstance(error, psycopg.Error):
        return f"Postgres refused it: {reason_of(error)}"
    return f"it met a defect of Signoff ({type(error).__name__}); the log of the runner has more"
