"""How a worker waits for a server that is away."""

import logging
from collections.abc import Callable
from threading import Event
from typing import TypeVar

import redis

from signoff_schemas.backoff import backoff_delays
from signoff_worker.health import Health
from signoff_worker.outages import is_outage
from signoff_worker.reasons import outage_reason

log = logging.getLogger("signoff.worker")
T = TypeVar("T")


class StopWorkerError(Exception):
    """The worker was asked to stop while it could not go on anyway."""


class Backoff:
    """Runs a step of which Redis is a part; while Redis is away, again with backoff."""

    def __init__(self, stop: Event, health: Health) -> None:
        """`stop` is set when the worker is to end, `health` is told of outages."""
        self._stop = stop
        self._health = health

    def __call__(self, step: Callable[[], T]) -> T:
        """The step's result.

        Raises:
            StopWorkerError: the worker was asked to stop meanwhile.
            RedisError: Redis refused the step for a reason that is no outage.
        """
        for tries, pause in enumerate(backoff_delays()):
            try:
                result = step()
            except redis.RedisError as error:
                if not is_outage(error):
                    raise
                away = isinstance(error, redis.ConnectionError | redis.TimeoutError)
                trouble = "Redis is away" if away else "Redis refuses"
                log.error(  # noqa: TRY400 -- the reason is the message
                    "%s: %s", trouble, outage_reason(error)
                )
                self._health.outage("Redis", error, pause=pause)
                if self._stop.wait(pause):
                    raise StopWorkerError from error
            else:
                if tries:
                    log.info("Redis is back")
                    self._health.back("Redis")
                return result
        raise AssertionError
