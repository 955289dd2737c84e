"""The worker: to RQ one like any other; it settles many jobs at a time (`pipeline.py`)."""

import logging
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError
from redis.retry import Retry
from rq import worker_registration
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.suspension import is_suspended
from rq.utils import now
from rq.worker import BaseWorker, WorkerStatus

from signoff_db.connection import BatchConnection
from signoff_queue.batch_queue import BatchQueue
from signoff_schemas import Settings
from signoff_schemas.keys import HEALTH
from signoff_worker.backoff import Backoff, StopWorkerError
from signoff_worker.batch import group_size
from signoff_worker.database import Database
from signoff_worker.health import Health
from signoff_worker.heartbeat import Heartbeat
from signoff_worker.interpreter import spend_time_on_events
from signoff_worker.logs import configure
from signoff_worker.pipeline import WAIT, Pipeline
from signoff_worker.reasons import outage_reason
from signoff_worker.sweep import sweep_failed
from signoff_worker.watch import Watch

log = logging.getLogger("signoff.worker")

_TICK: Final = 1.0
"""Seconds between looks at leases, due retries, suspension and signals."""


class ApprovalWorker(BaseWorker):
    """Applies approval events in batches; in all else an RQ worker."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- they are RQ's
        """Takes what RQ's workers take; batch size, database and the rest come from `Settings`."""
        kwargs["serializer"] = JSONSerializer
        super().__init__(*args, **kwargs)
        # A drain that the client repeats by itself would forget what the first one took.
        self.connection.set_retry(Retry(NoBackoff(), 0))
        self.settings = Settings.load()
        lease = self.settings.redeliver_after * 2 / 3
        group = group_size(self.settings.max_redeliveries)
        self._batch_queues = [
            BatchQueue(self.connection, queue.name, lease_seconds=lease, group=group)
            for queue in self.queues
        ]
        self._stop = threading.Event()
        self.health = Health(
            self.name, self.settings, state=self.get_state, stopping=self._stop.is_set
        )
        self._with_backoff = Backoff(self._stop, self.health)
        application = f"signoff worker {self.name}"  # what it calls itself in Postgres
        self._watch = Watch(self.health, self.settings, application=application)
        self._database = Database(self.settings, application=application)
        self._pipeline = Pipeline(
            self.settings,
            self._database,
            worker_key=self.key,
            stop=self._stop,
            health=self.health,
        )
        self._next_tick = 0.0
        self._idle = False
        """Whether the last look at the queue found nothing: then the next one waits."""
        self._worked = 0

    def _set_ip_address(self, connection: redis.Redis) -> None:
        """RQ asks Redis for it in its constructor; a Redis that is away is waited for later."""
        try:
            super()._set_ip_address(connection)
        except (redis.ConnectionError, redis.TimeoutError):
            self.ip_address = "unknown"

    @property
    def dequeue_timeout(self) -> int:
        """Seconds a wait for jobs takes at the most; RQ derives its socket timeout from it."""
        return WAIT

    def work(  # noqa: PLR0917 -- the arguments are RQ's
        self,
        burst: bool = False,
        logging_level: str | None = None,
        date_format: str | None = None,  # noqa: ARG002 -- our log lines have their own form
        log_format: str | None = None,  # noqa: ARG002
        max_jobs: int | None = None,
        max_idle_time: int | None = None,
        with_scheduler: bool = False,  # noqa: ARG002 -- retries are promoted here
        dequeue_strategy: object = None,  # noqa: ARG002 -- queues are taken in turn
    ) -> bool:
        """Work until stopped; with `burst`, until nothing waits. RQ's arguments and its result."""
        self._install_signal_handlers()  # type: ignore[no-untyped-call]
        configure(self.settings.log_format, logging_level or self.settings.log_level)
        spend_time_on_events()
        self._watch.open()
        try:
            self._database.await_schema(self._stop, self.health)
            self._with_backoff(self._introduce)
            with Heartbeat(self._beat, self.settings.redeliver_after / 6):
                self._work_off(max_jobs or sys.maxsize, 0 if burst else max_idle_time)
        except (StopWorkerError, SystemExit):
            self._leave(release=True)
        except BaseException:
            # Whatever ended this worker may be in its batch: others find it without a lease, count
            # a death against it and take it in small groups.
            self._leave(release=False)
            raise
        else:
            self._leave(release=True)
        return self._worked > 0

    def _work_off(self, most: int, patience: float | None) -> None:
        """Settle batches until stopped, until `most` jobs, or after `patience` idle seconds."""
        idle_since = time.monotonic()
        while not self._stop.is_set() and self._worked < most:
            done = self._with_backoff(self._turn)
            self.health.turn()
            self._worked += done
            self._idle = not done
            if done:
                idle_since = time.monotonic()
            elif patience is not None and time.monotonic() - idle_since >= patience:
                break
        self._pipeline.finish()

    def _introduce(self) -> None:
        """Register with RQ. A Redis that is full must be drained all the same."""
        try:
            self.bootstrap()
        except OutOfMemoryError as error:
            log.warning(
                "Redis is full, this worker drains it unregistered: %s", outage_reason(error)
            )

    def _turn(self) -> int:
        """Do what is due, then take and settle one batch of each queue; returns the jobs taken."""
        self._maintain_when_due()
        wait = self._idle and self._may_wait()
        return sum(self._pipeline.settle_next(queue, wait=wait) for queue in self._batch_queues)

    def _maintain_when_due(self) -> None:
        if time.monotonic() < self._next_tick:
            return
        self._next_tick = time.monotonic() + _TICK
        for queue in self._batch_queues:
            promoted = queue.promote()
            if promoted:
                log.info("promoted, since their retry is due: %d", promoted)
            swept = sweep_failed(queue, self._connected_alone)
            if swept:
                log.warning("failed jobs of RQ swept into the dead letters: %d", swept)
        if self.should_run_maintenance_tasks:
            self._run_rq_maintenance()

    def _run_rq_maintenance(self) -> None:
        """RQ reads jobs that others wrote; what it cannot read must not end this worker."""
        try:
            self.run_maintenance_tasks()  # type: ignore[no-untyped-call]
        except redis.RedisError:
            raise
        except Exception:
            self.last_cleaned_at = now()  # type: ignore[assignment]
            log.exception("RQ's maintenance stumbled over a job; it goes on at its next turn")

    def _may_wait(self) -> bool:
        """Whether to wait for a job in Redis; where that cannot be, this waits a little itself."""
        suspended = is_suspended(self.connection)
        self._show(WorkerStatus.SUSPENDED if suspended else WorkerStatus.IDLE)
        if suspended:
            self._stop.wait(_TICK)
        elif len(self._batch_queues) > 1:
            self._stop.wait(_TICK / 10)
        return not suspended and len(self._batch_queues) == 1

    def _beat(self) -> None:
        """Say that this worker lives, and take from those that do not."""
        for queue in self._batch_queues:
            queue.renew_lease()
            redelivered = queue.redeliver()
            if redelivered:
                log.warning("redelivered events of workers that died: %d", redelivered)
        if not self.connection.hexists(self.key, "birth"):
            # Redis forgot this worker, perhaps while it stood still: it is here again. That its key
            # exists says nothing: whatever changes its state makes it anew.
            self.connection.hset(self.key, mapping=self.serialize())
            worker_registration.register(self)
        if self._pipeline.busy:
            self._show(WorkerStatus.BUSY)
        self.heartbeat()
        self.health.registered()
        self.connection.hset(self.key, HEALTH, self.health.report().as_json())

    def _show(self, state: WorkerStatus) -> None:
        """Tell RQ's tools what this worker does, if it is news."""
        if self.get_state() != state:
            self.set_state(state)

    def _connected_alone(self) -> BatchConnection:
        """The connection, when no batch is on it."""
        self._pipeline.finish()
        return self._database.connection()

    def _shutdown(self) -> None:
        """RQ calls this on the first signal: the batch in hand is finished. A second one raises."""
        self._stop_requested = True
        self._stop.set()

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:
        """RQ calls this on the second signal: leave at once, whatever signals follow."""
        try:
            super().request_force_stop(signum, frame)
        except SystemExit:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            raise

    def _leave(self, *, release: bool) -> None:
        self._pipeline.abandon()
        self._watch.close()
        try:
            for queue in self._batch_queues:
                if release:
                    queue.release()
                queue.end_lease()
            self.teardown()  # type: ignore[no-untyped-call]
        except redis.RedisError as error:
            log.warning("left without saying so, Redis is away: %s", outage_reason(error))

    def execute_job(self, job: Job, queue: Queue) -> None:
        """RQ's way to run one job; this worker's batches do not come by it."""
        raise NotImplementedError(f"{type(self).__name__} settles batches, not {job.id} alone")
