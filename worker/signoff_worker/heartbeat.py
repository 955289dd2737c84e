"""Heartbeats, sent by a separate thread, so that a long batch does not delay them."""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import redis

from signoff_worker.reasons import outage_reason

log = logging.getLogger("signoff.worker")


class Heartbeat:
    """Calls `beat` at once and every `interval` seconds, from a thread, until the block ends.

    The heartbeats of a stopped or killed process end, so that others see that it is dead. While
    Redis is unavailable they go on: the next one may succeed.
    """

    def __init__(self, beat: Callable[[], None], interval: float) -> None:
        self._beat = beat
        self._interval = interval
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def _run(self) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            pause = self._interval
            try:
                self._beat()
            except redis.RedisError as error:
                log.warning("heartbeat did not reach Redis: %s", outage_reason(error))
            except Exception:
                log.exception("the heartbeat failed; it is tried again at the next")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join(timeout=self._interval)
