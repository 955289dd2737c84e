"""One call of the publishing script, whose answer is read when it is asked for.

redis-py's way to run a script waits for the answer, and spends more time on the way there and back
than Redis does on one event. Here a call is sent at once; its caller reads the next events while
Redis works on these.
"""

from collections.abc import Sequence
from typing import cast

import redis
from redis.commands.core import Script
from redis.connection import Connection

from signoff_producer.publication import Told


class Call:
    """A script call that is on its way; to be asked for its answer once.

    Where Redis does not know the script yet, redis-py's own way is taken, which loads it.
    """

    def __init__(
        self, client: redis.Redis, script: Script, keys: list[str], arguments: list[str | bytes]
    ) -> None:
        self._pool = client.connection_pool
        self._script = script
        self._keys = keys
        self._arguments = arguments
        self._failure: redis.RedisError | None = None
        self._connection = self._sent()

    def _sent(self) -> Connection | None:
        """The connection on which the call went; None, and the reason kept, where it did not go."""
        try:
            connection = self._pool.get_connection()
        except redis.RedisError as error:
            self._failure = error
            return None
        try:
            connection.send_command(  # type: ignore[no-untyped-call]
                "EVALSHA", self._script.sha, len(self._keys), *self._keys, *self._arguments
            )
        except redis.RedisError as error:
            self._pool.release(connection)
            self._failure = error
            return None
        return connection

    def answer(self) -> Sequence[Told]:
        """What the script said of each event.

        Raises:
            redis.RedisError: Redis cannot be reached, or refused.
        """
        if self._connection is None:
            raise self._failure or redis.ConnectionError
        connection, self._connection = self._connection, None
        try:
            return cast("Sequence[Told]", self._received(connection))
        except redis.exceptions.NoScriptError:
            return self._run()

    def again(self) -> Sequence[Told]:
        """The same from the start, on a new connection: where Redis is may have changed.

        Raises:
            redis.RedisError: as `answer`.
        """
        self._pool.disconnect(inuse_connections=False)
        return self._run()

    def _run(self) -> Sequence[Told]:
        return cast("Sequence[Told]", self._script(self._keys, self._arguments))

    def _received(self, connection: Connection) -> object:
        read = False
        try:
            response = connection.read_response()
            read = True
        except redis.ResponseError:
            read = True
            raise
        finally:
            if not read:  # its answer would be taken for that of the next command
                connection.disconnect()  # type: ignore[no-untyped-call]
            self._pool.release(connection)
        return response
