"""Notices of the jobs that workers have settled.

`acknowledge.lua` publishes the ids of the jobs that it settles, if anybody is subscribed. Anybody
who can write to Redis can publish there too, so a notice proves nothing: it only tells when to
look. It is never parsed, nor held whole: a bounded number of bytes is read at a time and searched
for ids. Notices can be lost, and workers of earlier releases send none. So whoever waits also has
to look without one.
"""

import re
import ssl
from typing import Any, Final, cast

import redis

from signoff_schemas.keys import QueueKeys

_ID: Final = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_ID_BYTES: Final = 36
_MOST_BYTES: Final = 65_536
"""The most bytes of one read."""


class SettledNotices:
    """A subscription to the notices of one queue, on a connection of its own.

    For one thread, which closes it. `fileno` is what to wait for, as with `selectors`.
    """

    def __init__(self, client: redis.Redis, queue: str) -> None:
        """Subscribe. If the user may not subscribe in Redis, no notice ever comes.

        Raises:
            redis.RedisError: Redis cannot be reached.
        """
        self._pool = client.connection_pool
        self._connection = cast("Any", self._pool.get_connection())
        self._end = b""
        """The end of what was read: it may hold the beginning of an id."""
        try:
            self._connection.send_command("SUBSCRIBE", QueueKeys(queue).settled)
            # redis-py would parse a message, and so hold it whole, however large it is.
            self._socket = self._connection._sock  # noqa: SLF001 -- there is no other way
            self._socket.setblocking(False)
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        """The socket to wait for: when it can be read, there may be notices."""
        found: int = self._socket.fileno()
        return found

    def read(self) -> set[bytes]:
        """The ids in what has come, up to a bounded number of bytes; none if nothing has come.

        Raises:
            redis.ConnectionError: the connection was closed.
        """
        try:
            data: bytes = self._socket.recv(_MOST_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            return set()
        except OSError as error:
            raise redis.ConnectionError(f"the subscription was lost: {error}") from error
        if not data:
            raise redis.ConnectionError("the subscription was closed")
        text = self._end + data
        self._end = text[1 - _ID_BYTES :]
        return set(_ID.findall(text))

    def close(self) -> None:
        """End the subscription."""
        self._connection.disconnect()
        self._pool.release(self._connection)
