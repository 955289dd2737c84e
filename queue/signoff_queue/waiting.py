"""Waiting for a job without receiving it.

`BLMOVE` of the list's head onto itself waits and takes nothing, so that there is no moment at which
a job is in a dying worker's hands only. But it answers with the head, which may be as large as
Redis allows: its answer is left out (`CLIENT REPLY SKIP`), and only the script's comes back.
"""

import time
from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError, ResponseError

from signoff_queue.scripts import Script, told

_NOWHERE = "rq:signoff:no_such_list"
"""A key that nothing writes: a wait for it tells whether this Redis lets wait at all."""


class Waiter:
    """Waits for a list to hold something and runs a script then, in one round trip."""

    def __init__(self, redis: Redis, waiting: str, script: Script) -> None:
        self._redis = redis
        self._waiting = waiting
        self._script = script
        self._skips: bool | None = None
        """Whether this server can leave an answer out; None while that is not known."""

    def await_and_run(
        self, seconds: int, keys: Sequence[str], arguments: Sequence[str | float]
    ) -> Any:  # noqa: ANN401 -- as Redis answers
        """What the script returns, as soon as the list holds something or `seconds` are over.

        Raises:
            OutOfMemoryError: a full Redis does not let wait, and the script found nothing.
            WrongTypeError: a key holds another type than it should.
        """
        begun = time.monotonic()
        wait = ("BLMOVE", self._waiting, self._waiting, "LEFT", "LEFT", seconds)
        run = ("EVALSHA", self._script.sha, len(keys), *keys, *arguments)
        try:
            found = self._last_answer(wait, run)
        except NoScriptError:
            return self._script(keys, arguments)
        except ResponseError as error:
            raise told(error) from None
        if not found and time.monotonic() - begun < seconds / 2:
            # Another worker was faster; or Redis refused to wait, and would do so again at once.
            self._redis.execute_command("BLMOVE", _NOWHERE, _NOWHERE, "LEFT", "LEFT", 0.001)  # type: ignore[no-untyped-call]
        return found

    def _last_answer(self, wait: tuple[Any, ...], run: tuple[Any, ...]) -> Any:  # noqa: ANN401
        if self._skips is None:
            self._skips = self._can_skip()
        pool = self._redis.connection_pool
        connection = pool.get_connection()
        clean = False
        try:
            head = [("CLIENT", "REPLY", "SKIP")] if self._skips else []
            packed = connection.pack_commands([*head, wait, run])  # type: ignore[no-untyped-call]
            connection.send_packed_command(packed)  # type: ignore[no-untyped-call]
            waited = None if self._skips else _answer(connection)
            found = _answer(connection)
            if isinstance(found, bytes | None):  # the head, which this server did not leave out
                found = _answer(connection)
            clean = True
        finally:
            if not clean:
                # An answer may still be on its way: nobody is to take it for another one.
                connection.disconnect()  # type: ignore[no-untyped-call]
            pool.release(connection)
        refusal = found or waited
        if isinstance(refusal, ResponseError):
            raise refusal
        return found

    def _can_skip(self) -> bool:
        try:
            return bool(self._redis.execute_command("CLIENT", "REPLY", "ON"))  # type: ignore[no-untyped-call]
        except ResponseError:
            return False


def _answer(connection: Any) -> Any:  # noqa: ANN401 -- redis-py types neither
    """The next answer; a refusal is an answer, too."""
    try:
        return connection.read_response()
    except ResponseError as error:
        return error
