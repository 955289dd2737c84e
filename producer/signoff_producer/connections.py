"""The connections of a `Producer`. Here and in `async_calls` redis-py's client is bypassed.

A client takes a connection from its pool for each call, and checks it each time. That way a single
`publish` is 2.5 times as fast as RQ's `enqueue`; with connections that the producer keeps, it is
more than 3 times as fast. A call can also be sent before its answer is read, so that the next
events are read meanwhile. Connecting, sending and reading are done by redis-py.
"""

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from typing import Any, Final

import redis
from redis.connection import Connection, ConnectionPool

_LIMIT: Final[ContextVar[float | None]] = ContextVar("signoff_connect_limit", default=None)
"""The most seconds for connecting in this call, if that is less than the setting."""


class Connections:
    """Lends a connection for a call: a kept one if it is still good, otherwise one of the pool.

    Safe to share between threads: a lent connection is used by one thread only. A forked process
    makes its own.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        pool.connection_class = _in_time(pool.connection_class)
        self._pool = pool
        self._kept: deque[Connection] = deque()

    def take(self, limit: float | None = None) -> Connection:
        """An open connection without unread replies.

        `limit` is in seconds, for connecting and then for each wait for the server.

        Raises:
            redis.RedisError: Redis cannot be reached.
        """
        if limit is None:
            return self._lent()
        with _connecting_within(limit):
            connection = self._lent()
        _wait_at_most(connection, limit)
        return connection

    def _lent(self) -> Connection:
        try:
            connection = self._kept.pop()
        except IndexError:  # none is kept
            return self._pool.get_connection()
        good = False
        try:
            good = self._is_good(connection)
        finally:  # a signal may raise whatever its handler likes
            if not good:
                self.release(connection, clean=False)
        return connection if good else self._pool.get_connection()

    def _is_good(self, connection: Connection) -> bool:
        """Whether it belongs to this process, is open to the primary, and has no unread data."""
        try:
            return (
                connection.pid == os.getpid()
                and bool(self._pool.owns_connection(connection))
                and not must_reconnect(connection)
                and not connection.can_read()
            )
        except (redis.RedisError, OSError):  # it was closed meanwhile
            return False

    def release(self, connection: Connection, *, clean: bool, limited: bool = False) -> None:
        """After a call.

        `clean` says that its answer was read to the end, `limited` that it was taken with a limit.
        """
        if not clean:  # a late reply would be read as that to the next call
            connection.disconnect()  # type: ignore[no-untyped-call]
            self._pool.release(connection)
            return
        if limited:
            _wait_at_most(connection, None)
        self._kept.append(connection)

    def release_all(self) -> None:
        """Return the kept connections to the pool."""
        with suppress(IndexError):
            while True:
                self._pool.release(self._kept.pop())

    def close_idle(self) -> None:
        """Make the next calls connect again, since the address of Redis may have changed."""
        self.release_all()
        self._pool.disconnect(inuse_connections=False)


def must_reconnect(connection: Connection) -> bool:
    """Whether a server in maintenance requested a new connection; redis-py 6 has no such method."""
    asked = getattr(connection, "should_reconnect", None)
    return bool(asked and asked())


def _wait_at_most(connection: Connection, limit: float | None) -> None:
    """Limit each wait for the server to `limit` seconds; None for the setting."""
    usual: float | None = connection.socket_timeout
    seconds = usual if limit is None else min(limit, usual or limit)
    socket: Any = connection._sock  # noqa: SLF001 -- redis-py 6 has no other way
    if socket is not None and socket.gettimeout() != seconds:
        socket.settimeout(seconds)


@contextmanager
def _connecting_within(limit: float) -> Iterator[None]:
    token = _LIMIT.set(limit)
    try:
        yield
    finally:
        _LIMIT.reset(token)


class _ConnectsInTime:
    """A mix-in for all of redis-py's connection classes: connecting takes at most `_LIMIT`."""

    def connect(self: Any) -> None:
        limit = _LIMIT.get()
        usual = self.socket_connect_timeout, self.socket_timeout
        if limit is not None:
            self.socket_connect_timeout, self.socket_timeout = (
                min(limit, seconds or limit) for seconds in usual
            )
        try:
            super().connect()  # type: ignore[misc]
        finally:
            self.socket_connect_timeout, self.socket_timeout = usual


@cache
def _in_time(kind: type[Connection]) -> type[Connection]:
    return type(kind.__name__, (_ConnectsInTime, kind), {})
