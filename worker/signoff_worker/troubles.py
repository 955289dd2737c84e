"""Queues that this worker cannot process, because of a fault of that queue alone."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from signoff_schemas.backoff import backoff_delays
from signoff_worker.health import Health

log = logging.getLogger("signoff.worker")


@dataclass(slots=True)
class _Trouble:
    """The fault of one queue."""

    text: str
    delays: Iterator[float]
    next_try: float


class Troubles:
    """Skips a faulty queue for some time, so that the other queues go on."""

    def __init__(self, health: Health, clock: Callable[[], float] = time.monotonic) -> None:
        self._health = health
        self._clock = clock
        self._by_queue: dict[str, _Trouble] = {}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._by_queue)

    def is_due(self, queue: str) -> bool:
        """Whether to process the queue now: always, unless it is faulty."""
        trouble = self._by_queue.get(queue)
        return trouble is None or self._clock() >= trouble.next_try

    def note(self, queue: str, error: Exception) -> None:
        """Processing the queue failed: skip it for a while."""
        trouble = self._by_queue.setdefault(queue, _Trouble("", backoff_delays(), 0.0))
        pause = next(trouble.delays)
        trouble.next_try = self._clock() + pause
        self._health.outage(f"queue {queue}", error, pause=pause)
        if trouble.text != str(error):
            trouble.text = str(error)
            log.error("queue %s cannot be worked on: %s", queue, error)

    def over(self, queue: str) -> None:
        """The queue was processed: it is not faulty any more."""
        if self._by_queue.pop(queue, None):
            self._health.back(f"queue {queue}")
            log.info("queue %s is worked on again", queue)
