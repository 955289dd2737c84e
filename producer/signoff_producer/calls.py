"""A call of the publishing script: it is sent first, and its answer is read later."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol, cast

import redis
from redis.connection import Connection
from redis.exceptions import NoScriptError

from signoff_producer.connections import Connections
from signoff_producer.publication import SCRIPT, SCRIPT_HASH, ScriptReply
from signoff_producer.replicas import Replicas
from signoff_producer.steps import Send


class Call(Protocol):
    """A call, which is closed if anything interrupts it."""

    def send(self) -> None:
        """Send it, if it is not sent only when its answer is read; call this once.

        An interruption leaves the connection to `close`.
        """

    def answer(self) -> Sequence[ScriptReply]:
        """The script's reply to each job; call this once.

        Raises:
            redis.RedisError: Redis cannot be reached, or refused.
            ReplicasBehindError: too few replicas have the events.
        """

    def close(self) -> None:
        """Abort the call if its answer was not read: a signal may have interrupted it."""


class OwnCall:
    """A call on a connection that the producer keeps."""

    def __init__(self, connections: Connections, replicas: Replicas, send: Send) -> None:
        self._connections = connections
        self._replicas = replicas
        self._send = send
        self._connection: Connection | None = None
        self._failure: redis.RedisError | None = None
        self._limit = send.deadline.remaining()

    def send(self) -> None:
        """See `Call`."""
        try:
            if self._send.reconnect:
                self._connections.close_idle()
            self._connection = self._connections.take(self._limit)
            self._write("EVALSHA", SCRIPT_HASH)
        except redis.RedisError as error:
            self._failure = error  # raised where the answer is asked for

    def answer(self) -> Sequence[ScriptReply]:
        """See `Call`."""
        if self._connection is None:
            raise self._failure or redis.ConnectionError("the call was given up")
        answers = self._read(self._connection)
        if isinstance(answers[0], NoScriptError):
            self._write("EVAL", SCRIPT)
            answers = self._read(self._connection)
        self._release(clean=True)
        return self._replicas.checked(answers)

    def close(self) -> None:
        """See `Call`."""
        self._release(clean=False)

    def _write(self, command: str, script: str) -> None:
        """Send the call, followed by the wait for replicas if there is one."""
        connection: Any = self._connection
        try:
            connection.send_packed_command([packed(command, script, self._send)])
            if self._replicas.wanted:
                connection.send_command(*self._replicas.wait)
        except BaseException:
            self.close()
            raise

    def _read(self, connection: Connection) -> list[object]:
        """The replies of the script and, if sent, of WAIT. An error is returned, not raised."""
        answers: list[object] = []
        try:
            for _ in range(2 if self._replicas.wanted else 1):
                try:
                    answers.append(connection.read_response())
                except redis.ResponseError as error:
                    answers.append(error)
        except BaseException:
            self.close()
            raise
        return answers

    def _release(self, *, clean: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._connections.release(connection, clean=clean, limited=self._limit is not None)


def packed(command: str, script: str, send: Send) -> bytes:
    """The call in Redis's protocol (RESP).

    redis-py would check the type of each argument, which takes a tenth of the time of a publish.
    """
    number, head = _packed_head(command, script, send.keys, send.constants)
    return b"*%d\r\n%b%b" % (number + len(send.jobs), head, _packed_values(send.jobs))


@lru_cache(maxsize=64)
def _packed_head(
    command: str, script: str, keys: tuple[str, ...], constants: tuple[bytes, ...]
) -> tuple[int, bytes]:
    """The values that are the same in all calls of a second for a queue, and how many they are."""
    texts = (command, script, str(len(keys)), *keys)
    values = [*(text.encode() for text in texts), *constants]
    return len(values), _packed_values(values)


def _packed_values(values: Sequence[bytes]) -> bytes:
    return b"".join([b"$%d\r\n%b\r\n" % (len(value), value) for value in values])


class ClientsCall:
    """A call with the caller's own client, with that client's timeouts and retries."""

    def __init__(self, client: redis.Redis, replicas: Replicas, send: Send) -> None:
        self._client = client
        self._replicas = replicas
        self._send = send

    def send(self) -> None:
        """See `Call`; it is sent when its answer is read."""

    def answer(self) -> Sequence[ScriptReply]:
        """See `Call`."""
        try:
            return self._run("EVALSHA", SCRIPT_HASH)
        except NoScriptError:
            return self._run("EVAL", SCRIPT)

    def _run(self, command: str, script: str) -> Sequence[ScriptReply]:
        keys, arguments = self._send.keys, self._send.arguments
        call = (command, script, len(keys), *keys, *arguments)
        client = cast("Any", self._client)
        if not self._replicas.wanted:
            return cast("list[ScriptReply]", client.execute_command(*call))
        with client.pipeline(transaction=False) as pipe:  # one connection for both
            pipe.execute_command(*call)
            pipe.execute_command(*self._replicas.wait)
            return self._replicas.checked(pipe.execute(raise_on_error=False))

    def close(self) -> None:
        """See `Call`; there is nothing to release."""
