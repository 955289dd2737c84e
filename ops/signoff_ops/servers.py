"""The servers that use cases talk to, however a front end reaches them.

A command opens what it needs and closes it again; a service that answers many requests keeps a
pool. Use cases take a `Servers` and do not know which of the two it is.
"""

from contextlib import AbstractContextManager
from typing import Protocol

import redis
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import BatchConnection
from signoff_db.read_connection import batches_of, database_of
from signoff_queue.connection import redis_of
from signoff_relay.connections import outbox_if_any
from signoff_relay.table import OutboxTable
from signoff_schemas import Settings


class Servers(Protocol):
    """Ways to the servers; each raises what says that its server is away, or not set."""

    @property
    def settings(self) -> Settings:
        """What the front end was told."""

    def redis(self) -> AbstractContextManager[redis.Redis]:
        """A client of the queue's Redis; raises `RedisUnavailableError`, `SettingsError`."""

    def database(self) -> AbstractContextManager[Connection[TupleRow]]:
        """A connection in autocommit mode; raises `DatabaseUnavailableError`, `SettingsError`."""

    def batches(self, application: str) -> AbstractContextManager[BatchConnection]:
        """A connection on which events are applied; raises as `database` does."""

    def outbox(self) -> AbstractContextManager[OutboxTable | None]:
        """The outbox, or None where its database has none; raises as `database` does."""


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
