"""How a worker waits for a server that is away."""

import logging
import random
from collections.abc import Callable, Iterator
from threading import Event
from typing import Final, TypeVar

import redis

from signoff_worker.health import Health

log = logging.getLogger("signoff.worker")
T = TypeVar("T")

_LONGEST: Final = 30.0


class StopWorkerError(Exception):
    """The worker was asked to stop while it could not go on anyway."""


def pauses() -> Iterator[float]:
    """Seconds between tries, without end: growing to half a minute, with jitter."""
    pause = 0.1
    while True:
        yield pause * random.uniform(0.5, 1)
        pause = min(pause * 2, _LONGEST)


class Patience:
    """Runs a step of which Redis is a part; while Redis is away, again with backoff."""

    def __init__(self, stop: Event, health: Health) -> None:
        """`stop` is set when the worker is to end, `health` is told of outages."""
        self._stop = stop
        self._health = health

    def __call__(self, step: Callable[[], T]) -> T:
        """The step's result.

        Raises:
            StopWorkerError: the worker was asked to stop meanwhile.
        """
        for tries, pause in enumerate(pauses()):
            try:
                result = step()
            except redis.RedisError as error:
                away = isinstance(error, redis.ConnectionError | redis.TimeoutError)
                trouble = "Redis is away" if away else "Redis refuses"
                log.error("%s: %s", trouble, error)  # noqa: TRY400 -- the reason is the message
                self._health.outage("Redis", error, pause=pause)
                if self._stop.wait(pause):
                    raise StopWorkerError from error
            else:
                if tries:
                    log.info("Redis is back")
                    self._health.back("Redis")
                return result
        raise AssertionError
