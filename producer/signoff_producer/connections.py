"""The connections on which a producer's calls go.

redis-py's pool looks after a connection each time it lends one and each time it takes one back: a
fifth of a publish. A producer that made its client is the only one to use it, so its connections
stay with it between calls.
"""

import os
from collections import deque
from contextlib import suppress

import redis
from redis.connection import Connection, ConnectionPool


class Connections:
    """Lends a connection for a call: a kept one, if it is still good, or else one of the pool.

    Safe to share between threads: each has one to itself while its call is on the way. A forked
    process makes its own.
    """

    def __init__(self, pool: ConnectionPool, *, keep: bool) -> None:
        """With `keep` false, for a pool that others use too, each goes back after its call."""
        self._pool = pool
        self._keep = keep
        self._kept: deque[Connection] = deque()

    def take(self) -> Connection:
        """One that is connected, and on which nothing is left to be read.

        Raises:
            redis.RedisError: Redis cannot be reached.
        """
        try:
            connection = self._kept.pop()
        except IndexError:
            return self._pool.get_connection()
        good = False
        try:
            good = self._is_good(connection)
        finally:  # a signal may raise whatever its handler likes
            if not good:
                self.release(connection, clean=False)
        return connection if good else self._pool.get_connection()

    def _is_good(self, connection: Connection) -> bool:
        """Whether it is this process's, leads to the primary of today, and is open and quiet."""
        try:
            return (
                connection.pid == os.getpid()
                and bool(self._pool.owns_connection(connection))
                and not _is_told_to_move(connection)
                and not connection.can_read()
            )
        except (redis.RedisError, OSError):  # it was closed meanwhile
            return False

    def release(self, connection: Connection, *, clean: bool) -> None:
        """After a call; `clean` says that its answer was read to the end."""
        if not clean:  # what is still to come would be taken for the next call's answer
            connection.disconnect()  # type: ignore[no-untyped-call]
        if clean and self._keep:
            self._kept.append(connection)
        else:
            self._pool.release(connection)

    def release_all(self) -> None:
        """Give what is kept to the pool."""
        with suppress(IndexError):
            while True:
                self._pool.release(self._kept.pop())

    def close_idle(self) -> None:
        """Let the next calls connect anew: where Redis is may have changed."""
        self.release_all()
        self._pool.disconnect(inuse_connections=False)


def _is_told_to_move(connection: Connection) -> bool:
    """Whether a server in maintenance asked for a new connection; redis-py 6 does not know that."""
    asked = getattr(connection, "should_reconnect", None)
    return bool(asked and asked())
