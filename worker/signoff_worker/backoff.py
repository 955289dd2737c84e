"""How a worker waits while Redis is unavailable."""

import logging
from collections.abc import Callable
from threading import Event
from typing import TypeVar

import redis

from signoff_schemas.backoff import retry_outages
from signoff_worker.health import Health
from signoff_worker.outages import is_outage
from signoff_worker.reasons import outage_reason

log = logging.getLogger("signoff.worker")
T = TypeVar("T")


class Backoff:
    """Runs a step that uses Redis; repeats it with backoff while Redis is unavailable."""

    def __init__(self, stop: Event, health: Health) -> None:
        """`stop` is set when the worker is to end; `health` notes outages."""
        self._stop = stop
        self._health = health

    def __call__(self, step: Callable[[], T]) -> T:
        """The step's result.

        Raises:
            StoppedError: the worker was asked to stop meanwhile.
            RedisError: Redis refused the step for a reason that is no outage.
        """
        return retry_outages(
            step,
            outages=_is_outage,
            on_outage=self._note,
            on_recovery=self._recovered,
            wait=self._stop.wait,
        )

    def _note(self, error: Exception, delay: float) -> None:
        away = isinstance(error, redis.ConnectionError | redis.TimeoutError)
        trouble = "Redis is unavailable" if away else "Redis refuses"
        log.error("%s: %s", trouble, outage_reason(error))
        self._health.outage("Redis", error, pause=delay)

    def _recovered(self) -> None:
        log.info("Redis is back")
        self._health.back("Redis")


def _is_outage(error: Exception) -> bool:
    return isinstance(error, redis.RedisError) and is_outage(error)
