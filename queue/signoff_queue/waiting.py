"""Wait for a job without receiving it.

`BLMOVE` moves the head of the list onto itself. It waits for a job and takes nothing, so a worker
that dies while it waits loses no job. `BLMOVE` replies with the head, which may be as large as
Redis allows. So this reply is suppressed (`CLIENT REPLY SKIP`); only the script's reply is read.
"""

import time
from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError, ResponseError

from signoff_queue.scripts import Script, classified

_EMPTY_LIST = "rq:signoff:no_such_list"
"""A key that nobody writes. Waiting for it fails if this Redis is too full to allow a wait."""


class Waiter:
    """Waits until a list is not empty, then runs a script, in one round trip."""

    def __init__(self, redis: Redis, waiting: str, script: Script) -> None:
        self._redis = redis
        self._waiting = waiting
        self._script = script
        self._skips: bool | None = None
        """Whether this server can suppress a reply; None until that is known."""

    def await_and_run(
        self, seconds: int, keys: Sequence[str], arguments: Sequence[str | float]
    ) -> Any:  # noqa: ANN401 -- as Redis answers
        """Run the script as soon as the list is not empty or `seconds` are over; returns its reply.

        Raises:
            OutOfMemoryError: a full Redis allows no wait, and the script found nothing.
            WrongTypeError: a key has the wrong type.
        """
        begun = time.monotonic()
        wait = ("BLMOVE", self._waiting, self._waiting, "LEFT", "LEFT", seconds)
        run = ("EVALSHA", self._script.sha, len(keys), *keys, *arguments)
        try:
            found = self._last_answer(wait, run)
        except NoScriptError:
            return self._script(keys, arguments)
        except ResponseError as error:
            raise classified(error) from None
        if not found and time.monotonic() - begun < seconds / 2:
            # Another worker was faster, or Redis is too full to allow a wait. This raises in the
            # second case.
            self._redis.execute_command("BLMOVE", _EMPTY_LIST, _EMPTY_LIST, "LEFT", "LEFT", 0.001)  # type: ignore[no-untyped-call]
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
            if isinstance(found, bytes | None):  # the head, whose reply was not suppressed
                found = _answer(connection)
            clean = True
        finally:
            if not clean:
                # A reply may still arrive. It must not be read as the reply to a later command.
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
    """The next reply; an error of the server is returned, not raised."""
    try:
        return connection.read_response()
    except ResponseError as error:
        return error
