"""Maintenance of a queue between batches."""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

import redis

from signoff_db.connection import BatchConnection
from signoff_queue.batch_queue import BatchQueue
from signoff_queue.failed_jobs import FailedJobs
from signoff_queue.upkeep import Upkeep
from signoff_schemas.backoff import StoppedError
from signoff_worker.sweep import sweep_failed

log = logging.getLogger("signoff.worker")

_LOOK: Final = 1.0
"""Seconds between looks for due retries and for jobs that RQ gave up."""
_UPKEEP: Final = 5.0
"""Seconds between looks at the rest of RQ's registries."""


class Maintenance:
    """The maintenance of one queue."""

    def __init__(
        self,
        queue: BatchQueue,
        connected: Callable[[], AbstractContextManager[BatchConnection]],
    ) -> None:
        """`connected` gives a connection to Postgres that no batch uses."""
        self._queue = queue
        self._connected = connected
        self._failed = FailedJobs(queue.redis, queue.name)
        self._upkeep = Upkeep(queue.redis, queue.name)
        self._next_look = 0.0
        self._next_upkeep = 0.0

    def run_when_due(self) -> int:
        """Run the tasks that are due. An unexpected error is logged, and delays no batch.

        Returns:
            How many jobs were swept into the dead letters.

        Raises:
            RedisError: Redis is unavailable, or a key of the queue holds something else.
            StoppedError: the worker was asked to stop meanwhile.
        """
        try:
            return self._run()
        except (redis.RedisError, StoppedError):
            raise
        except Exception:
            log.exception("the upkeep of queue %s failed; it is tried again", self._queue.name)
        return 0

    def _run(self) -> int:
        now, swept = time.monotonic(), 0
        if now >= self._next_look or self._queue.has_long_ids:
            self._next_look = now + _LOOK
            swept = self._look()
            self._next_look = 0.0 if swept else self._next_look
        if now >= self._next_upkeep:
            self._next_upkeep = now + _UPKEEP
            back = self._upkeep.run()
            if back:
                log.warning("jobs of stock RQ workers that died are back on the queue: %d", back)
        return swept

    def _look(self) -> int:
        promoted = self._queue.promote()
        if promoted:
            log.info("promoted, since their retry is due: %d", promoted)
        swept = sweep_failed(self._failed, self._connected)
        if swept:
            log.warning("failed jobs of RQ swept into the dead letters: %d", swept)
        return swept
