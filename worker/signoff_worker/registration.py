"""A worker's entry in RQ's registry, which RQ's tools and `signoff status` show.

The worker does not depend on it: if it cannot be written, that is logged, and the work goes on.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.exceptions import OutOfMemoryError
from rq import worker_registration
from rq.worker import BaseWorker, WorkerStatus

from signoff_queue.scripts import wrong_types
from signoff_schemas.keys import HEALTH
from signoff_worker.health import Health
from signoff_worker.outages import is_outage

log = logging.getLogger("signoff.worker")


class Registration:
    """The entry of one worker."""

    def __init__(self, worker: BaseWorker, health: Health) -> None:
        self._worker = worker
        self._redis = worker.connection
        self._health = health
        self._trouble = ""

    def open(self) -> None:
        """Register, and listen to `rq`'s shutdown command; safe to repeat after an outage."""
        with self._tolerant():
            self._worker.register_birth()  # type: ignore[no-untyped-call]
            if self._worker.pubsub_thread is None:
                self._worker.subscribe()  # type: ignore[no-untyped-call]
        self.show(WorkerStatus.STARTED)

    def beat(self) -> None:
        """Write a heartbeat and the health; register again if Redis lost the entry."""
        with self._tolerant():
            # The key may exist without a registration: any change of the worker's state creates it.
            if not self._redis.hexists(self._worker.key, "birth"):
                self._redis.hset(self._worker.key, mapping=self._worker.serialize())
                worker_registration.register(self._worker)
            self._worker.heartbeat()
            self._health.registered()
            self._redis.hset(self._worker.key, HEALTH, self._health.report().as_json())
            self._trouble = ""

    def show(self, state: WorkerStatus) -> None:
        """Write the worker's state for RQ's tools, if it has changed."""
        if self._worker.get_state() != state:
            with self._tolerant():
                self._worker.set_state(state)

    def close(self) -> None:
        """Leave the registry."""
        with self._tolerant():
            self._worker.teardown()  # type: ignore[no-untyped-call]

    @contextmanager
    def _tolerant(self) -> Iterator[None]:
        """Log once why the entry cannot be written; an outage is raised."""
        try:
            yield
        except redis.ResponseError as error:
            # A full Redis refuses the entry, but the queue must be drained all the same.
            if is_outage(error) and not isinstance(error, OutOfMemoryError):
                raise
            text = "; ".join(wrong_types(self._redis, self._expected)) or str(error)
            if text != self._trouble:
                self._trouble = text
                log.warning("this worker works, but RQ's tools may not see it: %s", text)

    @property
    def _expected(self) -> dict[str, str]:
        """The type of each key of the registry."""
        by_queue = [
            worker_registration.WORKERS_BY_QUEUE_KEY % name for name in self._worker.queue_names()
        ]
        sets = dict.fromkeys([worker_registration.REDIS_WORKER_KEYS, *by_queue], "set")
        return {self._worker.key: "hash", **sets}
