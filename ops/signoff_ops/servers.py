"""The connections of use cases.

A command opens a connection for each use; a service that answers many requests keeps a pool. Use
cases take a `Servers`, which may be either.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Final, Protocol, Self

import redis
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from signoff_db.connection import (
    BatchConnection,
    DatabaseUnavailableError,
    ServiceConnection,
    pool_of,
)
from signoff_db.read_connection import batches_of, database_of, explained
from signoff_insight.rapport.create import REMEDY
from signoff_ops.rapport_connection import rapport_explained, rapport_of, rapport_url
from signoff_queue.connection import impatient_client, redis_explained, redis_of
from signoff_relay.connections import outbox_if_any, table_if_any
from signoff_relay.table import OutboxTable
from signoff_schemas import Settings, masked

_OUTBOX_SIZE: Final = 3
RAPPORT_SIZE: Final = 5
"""The most connections to the second database."""
_WAIT_SECONDS: Final = 5.0
"""Seconds that a request waits for a connection to Postgres, and for an answer of Redis."""
_RAPPORT_SECONDS: Final = 2.0
"""Seconds that one waits for a connection to the second database."""


class Servers(Protocol):
    """Connections to the servers; each raises an error if its server is unavailable or not set."""

    @property
    def settings(self) -> Settings:
        """The settings of the front end."""

    def redis(self) -> AbstractContextManager[redis.Redis]:
        """A client of the queue's Redis; raises `RedisUnavailableError`, `SettingsError`."""

    def database(self) -> AbstractContextManager[Connection[TupleRow]]:
        """A connection in autocommit mode; raises `DatabaseUnavailableError`, `SettingsError`."""

    def batches(self, application: str) -> AbstractContextManager[BatchConnection]:
        """A connection on which events are applied; raises as `database` does."""

    def outbox(self) -> AbstractContextManager[OutboxTable | None]:
        """The outbox, or None if its database has none; raises as `database` does."""

    def rapport(self) -> AbstractContextManager[Connection[TupleRow]]:
        """A connection to the second database, in autocommit mode.

        Raises `RapportNotSetError`, `RapportUnavailableError`; `SettingsError` if it lacks tables.
        """


class DirectServers:
    """Opens a connection for each use and closes it afterwards: for commands."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def redis(self) -> AbstractContextManager[redis.Redis]:
        """See `Servers`."""
        return redis_of(self.settings)

    def database(self) -> AbstractContextManager[Connection[TupleRow]]:
        """See `Servers`."""
        return database_of(self.settings)

    def batches(self, application: str) -> AbstractContextManager[BatchConnection]:
        """See `Servers`."""
        return batches_of(self.settings, application)

    def outbox(self) -> AbstractContextManager[OutboxTable | None]:
        """See `Servers`."""
        return outbox_if_any(self.settings)

    def rapport(self) -> AbstractContextManager[Connection[TupleRow]]:
        """See `Servers`."""
        return rapport_of(self.settings, "signoff cli")


class KeptConnection(DirectServers):
    """Keeps its connection to Postgres between uses: for a command that asks again and again.

    A context manager: the connection is closed when the block ends.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._opened = ExitStack()
        self._connection: Connection[TupleRow] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    @contextmanager
    def database(self) -> Iterator[Connection[TupleRow]]:
        """See `Servers`; a lost connection is replaced at the next use."""
        if self._connection is None or self._connection.closed:
            self._opened.close()
            self._connection = self._opened.enter_context(database_of(self.settings))
        with explained(self.settings.require("database_url")):
            yield self._connection


class PooledServers:
    """Keeps connections between uses: for a service that answers many requests, in threads.

    A context manager: what it opened is closed when the block ends.
    """

    def __init__(self, settings: Settings, *, application: str, size: int = 10) -> None:
        """`application` is its application name in Postgres, `size` the most connections there.

        Raises:
            SettingsError: no Redis or no Postgres is set.
        """
        self.settings = settings
        self._database_url = settings.require("database_url")
        self._redis_url = settings.require("redis_url")
        self._pool = pool_of(
            self._database_url, application=application, size=size, wait_seconds=_WAIT_SECONDS
        )
        self._outbox_url = settings.outbox
        self._outbox_pool = pool_of(
            self._outbox_url,
            application=application,
            size=_OUTBOX_SIZE,
            wait_seconds=_WAIT_SECONDS,
            outbox=True,
        )
        self._rapport_pool = _rapport_pool(settings, application)
        self._client = impatient_client(self._redis_url, seconds=_WAIT_SECONDS)

    def __enter__(self) -> Self:
        """Start to connect; an unavailable server is no error yet."""
        self._pool.open()
        self._outbox_pool.open()
        if self._rapport_pool:
            self._rapport_pool.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()
        self._outbox_pool.close()
        if self._rapport_pool:
            self._rapport_pool.close()
        self._client.close()

    @contextmanager
    def redis(self) -> Iterator[redis.Redis]:
        """See `Servers`."""
        with redis_explained(self._redis_url):
            yield self._client

    def database(self) -> AbstractContextManager[Connection[TupleRow]]:
        """See `Servers`; a connection of the pool, which is returned to it."""
        return _lent(self._pool, self._database_url)

    def batches(self, application: str) -> AbstractContextManager[BatchConnection]:
        """See `Servers`; a separate connection, since it has other settings."""
        return batches_of(self.settings, application)

    @contextmanager
    def outbox(self) -> Iterator[OutboxTable | None]:
        """See `Servers`; of a pool of its own, since it may be another database."""
        remedy = "signoff outbox create"
        with _lent(self._outbox_pool, self._outbox_url, remedy=remedy) as connection:
            yield table_if_any(connection)

    @contextmanager
    def rapport(self) -> Iterator[Connection[TupleRow]]:
        """See `Servers`; of a pool of its own, so that others do not wait if it is away."""
        url = rapport_url(self.settings)
        if self._rapport_pool is None:
            raise AssertionError
        with rapport_explained(url), _lent(self._rapport_pool, url, remedy=REMEDY) as connection:
            yield connection


def _rapport_pool(settings: Settings, application: str) -> ConnectionPool[ServiceConnection] | None:
    """A pool of connections to the second database, if one is set."""
    if settings.rapport_url is None:
        return None
    return pool_of(
        settings.rapport, application=application, size=RAPPORT_SIZE, wait_seconds=_RAPPORT_SECONDS
    )


@contextmanager
def _lent(
    pool: ConnectionPool[ServiceConnection], url: str, **explain: str
) -> Iterator[Connection[TupleRow]]:
    """A connection of a pool, which is returned to it; its errors are explained."""
    try:
        connection = pool.getconn()
    except PoolTimeout:
        raise DatabaseUnavailableError(
            f"Postgres at {masked(url)} cannot be reached, or all of this service's connections "
            f"were in use for {pool.timeout:g} s"
        ) from None
    try:
        with explained(url, **explain):
            yield connection
    finally:
        pool.putconn(connection)
