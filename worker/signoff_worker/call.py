"""A script call whose answer is read later: Redis works while the worker does something else."""

from typing import Any, Final, Generic, TypeVar, cast

from redis import Redis
from redis.commands.core import Script
from redis.connection import Connection
from redis.exceptions import NoScriptError, RedisError

Answer = TypeVar("Answer")


class Call(Generic[Answer]):
    """A script call that is on its way, on a connection that is its own until it is answered."""

    def __init__(self, redis: Redis, script: Script, keys: list[str], arguments: list[Any]) -> None:
        """Send it. What keeps it from being sent is raised when the answer is asked for."""
        self._script = script
        self._keys = keys
        self._arguments = arguments
        self._pool: Final = redis.connection_pool
        self._failure: RedisError | None = None
        self._connection = self._sent()

    def _sent(self) -> Connection | None:
        try:
            connection = self._pool.get_connection()
        except RedisError as error:
            self._failure = error
            return None
        try:
            connection.send_command(  # type: ignore[no-untyped-call]
                "EVALSHA", self._script.sha, len(self._keys), *self._keys, *self._arguments
            )
        except RedisError as error:
            self._pool.release(connection)
            self._failure = error
            return None
        return connection

    def answer(self) -> Answer:
        """What the script returned. Asked once more, after the answer was lost, it runs anew.

        Raises:
            RedisError: Redis is away or refuses; the script may have run all the same.
        """
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        connection, self._connection = self._connection, None
        if connection is None:
            return self._run()
        try:
            return cast("Answer", connection.read_response())
        except NoScriptError:
            return self._run()
        finally:
            self._pool.release(connection)

    def _run(self) -> Answer:
        """Redis-py's own way, which waits, and loads the script where Redis does not know it."""
        return cast("Answer", self._script(self._keys, self._arguments))
