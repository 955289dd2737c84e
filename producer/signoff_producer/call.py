"""One call of the publishing script, whose answer is read when it is asked for.

redis-py's way to run a script waits for the answer, and spends more time on the way there and back
than Redis does on one event. Here a call is sent at once; its caller reads the next events while
Redis works on these.
"""

from collections.abc import Sequence
from typing import cast

import redis
from redis.connection import Connection

from signoff_producer.connections import Connections
from signoff_producer.packing import KeyedScript
from signoff_producer.publication import ScriptReply
from signoff_producer.replicas import Replicas


class Call:
    """A script call that is on its way; to be asked for its answer once.

    Where Redis does not know the script yet, redis-py's own way is taken, which loads it.
    """

    def __init__(
        self,
        connections: Connections,
        script: KeyedScript,
        replicas: Replicas,
        arguments: list[bytes],
    ) -> None:
        self._connections = connections
        self._replicas = replicas
        self._script = script
        self._arguments = arguments
        self._failure: redis.RedisError | None = None
        self._connection = self._sent()

    def _sent(self) -> Connection | None:
        """The connection on which the call went; None, and the reason kept, where it did not go."""
        try:
            connection = self._connections.take()
        except redis.RedisError as error:
            self._failure = error
            return None
        sent = False
        try:
            connection.send_packed_command(  # type: ignore[no-untyped-call]
                [self._script.call(self._arguments)]
            )
            if self._replicas.wanted:
                connection.send_command(*self._replicas.wait)  # type: ignore[no-untyped-call]
            sent = True
        except redis.RedisError as error:
            self._failure = error
            return None
        finally:
            if not sent:
                self._connections.release(connection, clean=False)
        return connection

    def answer(self) -> Sequence[ScriptReply]:
        """What the script said of each event.

        Raises:
            redis.RedisError: Redis cannot be reached, or refused.
            ReplicasBehindError: too few replicas have the events.
        """
        if self._connection is None:
            raise self._failure or redis.ConnectionError
        try:
            return self._received(self._connection)
        except redis.exceptions.NoScriptError:
            return self._run()

    def again(self) -> Sequence[ScriptReply]:
        """The same from the start, on a new connection: where Redis is may have changed.

        Raises:
            redis.RedisError: as `answer`.
        """
        self._connections.close_idle()
        return self._run()

    def _run(self) -> Sequence[ScriptReply]:
        self._connections.release_all()  # redis-py takes one of them
        script, keys = self._script.script, self._script.keys
        if not self._replicas.wanted:
            return cast("Sequence[ScriptReply]", script(keys, self._arguments))
        with script.registered_client.pipeline(transaction=False) as pipe:
            script(keys, self._arguments, client=pipe)
            pipe.execute_command(*self._replicas.wait)
            return self._replicas.having(pipe.execute(raise_on_error=False))

    def close(self) -> None:
        """Give the connection back, if its answer was not read: a signal may come in between."""
        if self._connection is not None:
            self._release(self._connection, clean=False)

    def _release(self, connection: Connection, *, clean: bool) -> None:
        self._connection = None
        self._connections.release(connection, clean=clean)

    def _received(self, connection: Connection) -> Sequence[ScriptReply]:
        clean = False
        acknowledged: object = None
        try:
            told = connection.read_response()
            if self._replicas.wanted:
                acknowledged = connection.read_response()
            clean = True
        except redis.ResponseError:
            clean = not self._replicas.wanted
            raise
        finally:
            self._release(connection, clean=clean)
        if acknowledged is None:
            return cast("Sequence[ScriptReply]", told)
        return self._replicas.having([told, acknowledged])
