"""The connections of a producer: the only module that bypasses redis-py's client.

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
"""Seconds that connecting may take in this call, where that is less than the settings say."""


class Connections:
    """Lends a connection for a call: a kept one, if it is still good, or else one of the pool.

    Safe to share between threads: each has one to itself while its call is on the way. A forked
    process makes its own.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        pool.connection_class = _in_time(pool.connection_class)
        self._pool = pool
        self._kept: deque[Connection] = deque()

    def take(self, limit: float | None = None) -> Connection:
        """A connection that is open, and on which no reply is left to be read.

        `limit` is in seconds, for connecting and then for each wait for the other side.

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
        """Whether it is this process's, is open to the present primary, and has no unread data."""
        try:
            return (
                connection.pid == os.getpid()
                and bool(self._pool.owns_connection(connection))
                and not _must_reconnect(connection)
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
        """Give what is kept to the pool."""
        with suppress(IndexError):
            while True:
                self._pool.release(self._kept.pop())

    def close_idle(self) -> None:
        """Have the next calls connect again: the address of Redis may have changed."""
        self.release_all()
        self._pool.disconnect(inuse_connections=False)


def _must_reconnect(connection: Connection) -> bool:
    """Whether a server in maintenance asked for a new connection; redis-py 6 does not know that."""
    asked = getattr(connection, "should_reconnect", None)
    return bool(asked and asked())


def _wait_at_most(connection: Connection, limit: float | None) -> None:
    """Let each wait for the other side take no longer; None: what the settings say."""
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
    """Mixed into redis-py's connections, TLS and Sentinel too: connecting heeds `_LIMIT`."""

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
