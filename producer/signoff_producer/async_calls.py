"""Calls of the publishing script in asynchronous code."""

from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol, cast

import redis
import redis.asyncio
from redis.exceptions import NoScriptError, ResponseError

from signoff_producer.calls import packed
from signoff_producer.connections import must_reconnect
from signoff_producer.publication import SCRIPT, SCRIPT_HASH, ScriptReply
from signoff_producer.replicas import Replicas
from signoff_producer.steps import Send


class AsyncCalls(Protocol):
    """Makes calls; several may be under way at the same time."""

    async def replies(self, send: Send) -> Sequence[ScriptReply]:
        """The script's reply to each job.

        Raises:
            redis.RedisError: Redis cannot be reached, or refused.
            ReplicasBehindError: too few replicas have the events.
        """

    async def close(self) -> None:
        """Give back the connections that are kept."""


class OwnAsyncCalls:
    """Calls on connections that the producer keeps, each for one call at a time.

    redis-py's client would take one from its pool for each call, which takes as long as the rest.
    """

    def __init__(self, pool: redis.asyncio.ConnectionPool, replicas: Replicas) -> None:
        self._pool = pool
        self._replicas = replicas
        self._kept: deque[Any] = deque()

    async def replies(self, send: Send) -> Sequence[ScriptReply]:
        """See `AsyncCalls`."""
        if send.reconnect:
            await self.close()
            await self._pool.disconnect(inuse_connections=False)
        connection = await self._taken()
        try:
            answers = await self._answers(connection, "EVALSHA", SCRIPT_HASH, send)
            if isinstance(answers[0], NoScriptError):
                answers = await self._answers(connection, "EVAL", SCRIPT, send)
        except BaseException:  # a late reply would be read as that to the next call
            await self._give_up(connection)
            raise
        self._kept.append(connection)
        return self._replicas.checked(answers)

    async def _taken(self) -> Any:  # noqa: ANN401 -- a connection of any of redis-py's classes
        """An open connection without unread replies."""
        pool = cast("Any", self._pool)
        if not self._kept:
            return await pool.get_connection()
        connection, is_good = self._kept.pop(), False
        try:
            is_good = await self._is_good(connection)
        finally:
            if not is_good:
                await self._give_up(connection)
        return connection if is_good else await pool.get_connection()

    async def _give_up(self, connection: Any) -> None:  # noqa: ANN401 -- as above
        await connection.disconnect(nowait=True)
        await self._pool.release(connection)

    async def _is_good(self, connection: Any) -> bool:  # noqa: ANN401 -- as above
        """Whether it is open to the primary, and has no unread data."""
        primary = getattr(self._pool, "master_address", None)  # as Sentinels name it
        if primary is not None and primary != (connection.host, connection.port):
            return False
        # redis-py 6 has another name for it.
        can_read = getattr(connection, "can_read", None) or connection.can_read_destructive
        try:
            return not must_reconnect(connection) and not await can_read()
        except (redis.RedisError, OSError):  # it was closed meanwhile
            return False

    async def _answers(
        self,
        connection: Any,  # noqa: ANN401 -- as above
        command: str,
        script: str,
        send: Send,
    ) -> list[object]:
        """The replies of the script and, if sent, of WAIT. An error is returned, not raised."""
        pieces = [packed(command, script, send)]
        if self._replicas.wanted:
            pieces += connection.pack_command(*self._replicas.wait)
        await connection.send_packed_command(pieces)
        answers: list[object] = []
        for _ in range(2 if self._replicas.wanted else 1):
            try:
                answers.append(await connection.read_response())
            except ResponseError as error:
                answers.append(error)
        return answers

    async def close(self) -> None:
        """See `AsyncCalls`."""
        while self._kept:
            await self._pool.release(self._kept.pop())


class ClientsAsyncCalls:
    """Calls with the caller's own client, with that client's timeouts and retries."""

    def __init__(self, client: redis.asyncio.Redis, replicas: Replicas) -> None:
        self._client = client
        self._replicas = replicas

    async def replies(self, send: Send) -> Sequence[ScriptReply]:
        """See `AsyncCalls`."""
        try:
            return await self._run("EVALSHA", SCRIPT_HASH, send)
        except NoScriptError:
            return await self._run("EVAL", SCRIPT, send)

    async def _run(self, command: str, script: str, send: Send) -> Sequence[ScriptReply]:
        call = (command, script, len(send.keys), *send.keys, *send.arguments)
        client = cast("Any", self._client)
        if not self._replicas.wanted:
            return cast("list[ScriptReply]", await client.execute_command(*call))
        async with client.pipeline(transaction=False) as pipe:  # one connection for both
            pipe.execute_command(*call)
            pipe.execute_command(*self._replicas.wait)
            return self._replicas.checked(await pipe.execute(raise_on_error=False))

    async def close(self) -> None:
        """See `AsyncCalls`; none is kept."""
