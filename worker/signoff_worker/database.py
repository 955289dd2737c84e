"""The worker's connection to Postgres; a lost one is replaced."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import TypeVar

import psycopg

from signoff_db.connection import (
    BatchConnection,
    DatabaseUnavailableError,
    connect_for_batches,
)
from signoff_db.migrate import require_current
from signoff_schemas import WorkerSettings
from signoff_schemas.backoff import retry_outages
from signoff_worker.health import Health
from signoff_worker.reasons import outage_reason

log = logging.getLogger("signoff.worker")
T = TypeVar("T")


class Database:
    """One connection, opened when it is first asked for."""

    def __init__(self, settings: WorkerSettings, *, application: str) -> None:
        """`application` is the worker's application name in Postgres."""
        self._settings = settings
        self._application = application
        self._connection: BatchConnection | None = None

    @property
    def _url(self) -> str:
        # Read on first use: RQ's tools also create worker objects, and they may have no URL.
        return self._settings.require("database_url")

    def await_schema(self, stop: Event, health: Health) -> None:
        """Wait for Postgres, check that it has the tables of this release, and connect.

        The first batch does not wait for the connection then, which takes some milliseconds.

        Raises:
            MigrationError: migrations are missing.
            StoppedError: the worker was asked to stop meanwhile.
        """

        def step() -> None:
            require_current(self._url)
            self.connection()

        self.retry_outages(
            step,
            stop=stop,
            health=health,
            on_outage=lambda error: log.error("%s", outage_reason(error)),
        )
        health.back("Postgres")

    def retry_outages(
        self,
        step: Callable[[], T],
        *,
        stop: Event,
        health: Health,
        on_outage: Callable[[Exception], None],
    ) -> T:
        """Run a step and return its result; repeat it with backoff while Postgres is unavailable.

        Raises:
            StoppedError: the worker was asked to stop meanwhile.
        """

        def note(error: Exception, delay: float) -> None:
            on_outage(error)
            self.drop()
            health.outage("Postgres", error, pause=delay)

        def recovered() -> None:
            log.info("Postgres is back")
            health.back("Postgres")

        return retry_outages(
            step,
            outages=lambda error: isinstance(error, DatabaseUnavailableError),
            on_outage=note,
            on_recovery=recovered,
            wait=stop.wait,
        )

    def connection(self) -> BatchConnection:
        """The connection; a new one if the last was dropped.

        Raises:
            DatabaseUnavailableError: Postgres cannot be reached.
        """
        if self._connection is None:
            self._connection = connect_for_batches(self._url, application=self._application)
        return self._connection

    @contextmanager
    def lent(self) -> Iterator[BatchConnection]:
        """The connection. If it is lost in the block, it is dropped, so that the next one is new.

        Raises:
            DatabaseUnavailableError: Postgres cannot be reached.
        """
        try:
            yield self.connection()
        except DatabaseUnavailableError:
            self.drop()
            raise

    def drop(self) -> None:
        """Close the connection, whatever its state."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def cancel(self) -> None:
        """Cancel the statement that another thread of this worker runs."""
        if self._connection is None:
            return
        try:
            self._connection.cancel_safe(timeout=5)
        except psycopg.Error as error:
            log.warning("the batch in hand could not be cancelled: %s", outage_reason(error))
