"""The worker: an RQ worker that takes many jobs at a time.

A batch's life:

1. wait until a job waits, without taking it;
2. take up to `BATCH_SIZE` jobs into RQ's started registry, under this worker's lease (`drain.lua`);
3. read each: its event, or why it is none;
4. apply them in one transaction: state, ledger and dead letters (`signoff_db.apply`);
5. acknowledge them (`acknowledge.lua`).

Dying before 4 is committed changes nothing; dying after it, before 5, brings the events once more,
which the ledger tells are duplicates. Either way they come back when the lease runs out.
"""

import logging
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any, Final, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import worker_registration
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.suspension import is_suspended
from rq.utils import now
from rq.worker import BaseWorker, WorkerStatus

from signoff_db.apply import Outcome, apply
from signoff_db.connection import (
    BatchConnection,
    DatabaseUnavailableError,
    connect_for_batches,
)
from signoff_db.delivery import Delivery
from signoff_db.migrate import pending
from signoff_schemas import Settings, SettingsError
from signoff_worker import logs
from signoff_worker.batch import Report, read, retry_delay
from signoff_worker.heartbeat import Heartbeat
from signoff_worker.queue import BatchQueue, TakenJob
from signoff_worker.sweep import sweep_failed

log = logging.getLogger("signoff.worker")
T = TypeVar("T")

_TICK: Final = 1.0
"""Seconds between looks at leases, due retries, suspension and signals."""
_LONGEST_PAUSE: Final = 30.0
"""Seconds between probes of a server that stays away."""


class StopWorkerError(Exception):
    """The worker was asked to stop while it could not go on anyway."""


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
        self._batch_queues = [
            BatchQueue(self.connection, queue.name, lease_seconds=lease) for queue in self.queues
        ]
        self._database: BatchConnection | None = None
        self._stop = threading.Event()
        self._next_tick = 0.0
        self._in_hand = 0

    @property
    def dequeue_timeout(self) -> int:
        """Seconds a wait for jobs takes at the most; RQ derives its socket timeout from it."""
        return 1

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
        logs.configure(self.settings.log_format, logging_level or self.settings.log_level)
        self._check_schema()
        self._patiently(self.bootstrap)
        self._install_signal_handlers()  # type: ignore[no-untyped-call]
        worked = 0
        idle_since = time.monotonic()
        try:
            with Heartbeat(self._beat, self.settings.redeliver_after / 6):
                while not self._stop.is_set():
                    done = self._patiently(self._turn)
                    worked += done
                    if done:
                        idle_since = time.monotonic()
                    elif burst or self._idle_too_long(idle_since, max_idle_time):
                        break
                    else:
                        self._patiently(self._wait)
                    if max_jobs is not None and worked >= max_jobs:
                        break
        except (StopWorkerError, SystemExit):
            self._leave(release=True)
        except BaseException:
            # Whatever ended this worker may be in its batch: others find it without a lease, count
            # a death against it and take it one by one.
            self._leave(release=False)
            raise
        else:
            self._leave(release=True)
        return worked > 0

    def _check_schema(self) -> None:
        """Wait for Postgres, and see that it holds the tables this release works with.

        Raises:
            SettingsError: migrations are missing.
        """
        for pause in _pauses():
            try:
                missing = pending(self.settings.require("database_url"))
            except DatabaseUnavailableError as error:
                log.error("%s", error)  # noqa: TRY400 -- the reason is the message
                self._stop.wait(pause)
            else:
                break
        if missing:
            raise SettingsError(
                f"the database lacks {len(missing)} migrations, from {missing[0]} on; "
                "run `signoff migrate`"
            )

    def _turn(self) -> int:
        """Do what is due, then settle one batch of each queue; returns the number of jobs."""
        self._maintain_when_due()
        return sum(self._settle_next(queue) for queue in self._batch_queues)

    def _settle_next(self, queue: BatchQueue) -> int:
        report = Report(0)
        with report.timed("drain"):
            jobs = self.take(queue)
        self._in_hand = len(jobs)
        if jobs:
            self._settle(queue, jobs, report)
        self._in_hand = 0
        return len(jobs)

    def _settle(self, queue: BatchQueue, jobs: list[TakenJob], report: Report) -> None:
        with report.timed("read"):
            deliveries = [read(job, self.settings.max_redeliveries) for job in jobs if not job.gone]
        with report.timed("apply"):
            outcomes = self.apply(queue, deliveries)
        with report.timed("acknowledge"):
            self._patiently(lambda: self.acknowledge(queue, outcomes))
        report.events = len(outcomes)
        report.count(outcomes)
        self._log(report, outcomes, [job.id for job in jobs if job.gone])

    def take(self, queue: BatchQueue) -> list[TakenJob]:
        """Step 2. Where the answer is lost on its way, what was taken goes back on the queue."""
        try:
            return queue.take(self.settings.batch_size)
        except redis.RedisError:
            self._patiently(queue.start_over)
            raise

    def apply(self, queue: BatchQueue, deliveries: Sequence[Delivery]) -> list[Outcome]:
        """Step 4. While Postgres is away the batch is kept and no attempt is burnt.

        Raises:
            StopWorkerError: the worker was asked to stop meanwhile; the batch is back on the queue.
        """
        for pause in _pauses():
            try:
                return apply(self._connected(), deliveries, retries=self.settings.retry_attempts)
            except DatabaseUnavailableError as error:
                log.error(  # noqa: TRY400 -- the reason is the message; a traceback adds nothing
                    "Postgres is unavailable, %d events wait in hand: %s", len(deliveries), error
                )
                self._disconnect()
                if self._stop.wait(pause):
                    self._patiently(queue.release)
                    raise StopWorkerError from error
        raise AssertionError

    def acknowledge(self, queue: BatchQueue, outcomes: Sequence[Outcome]) -> None:
        """Step 5."""
        lost = queue.acknowledge(
            self.key,
            [o.delivery.job_id for o in outcomes if not o.retry],
            dead=sum(1 for o in outcomes if o.failure and not o.retry),
            retries=[
                (o.delivery.job_id, retry_delay(o.delivery.retries, self.settings))
                for o in outcomes
                if o.retry
            ],
        )
        if lost:
            log.warning("%d jobs had gone to another worker: this one stood still too long", lost)

    def _maintain_when_due(self) -> None:
        if time.monotonic() < self._next_tick:
            return
        self._next_tick = time.monotonic() + _TICK
        for queue in self._batch_queues:
            promoted, redelivered = queue.maintain()
            if redelivered:
                log.warning("redelivered %d events of workers that died", redelivered)
            if promoted:
                log.info("promoted %d events whose retry is due", promoted)
            swept = sweep_failed(queue, self._connected)
            if swept:
                log.warning("swept %d failed jobs of RQ into the dead letters", swept)
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

    def _wait(self) -> None:
        if is_suspended(self.connection, self):
            self.set_state(WorkerStatus.SUSPENDED)
            self._stop.wait(_TICK)
        elif len(self._batch_queues) == 1:
            self._batch_queues[0].wait(self.dequeue_timeout)
        else:
            self._stop.wait(_TICK / 10)

    def _beat(self) -> None:
        for queue in self._batch_queues:
            queue.renew_lease()
        if not self.connection.exists(self.key):
            # Redis forgot this worker, perhaps while it stood still: it is here again.
            self.connection.hset(self.key, mapping=self.serialize())
            worker_registration.register(self)
        self.set_state(WorkerStatus.BUSY if self._in_hand else WorkerStatus.IDLE)
        self.heartbeat()

    def _connected(self) -> BatchConnection:
        if self._database is None:
            url = self.settings.require("database_url")
            self._database = connect_for_batches(url, application=f"signoff worker {self.name}")
        return self._database

    def _disconnect(self) -> None:
        if self._database is not None:
            self._database.close()
        self._database = None

    def _patiently(self, step: Callable[[], T]) -> T:
        """Run a step of which Redis is a part; while Redis is away, try again with backoff.

        Raises:
            StopWorkerError: the worker was asked to stop meanwhile.
        """
        for pause in _pauses():
            try:
                return step()
            except redis.RedisError as error:
                log.error("Redis is away: %s", error)  # noqa: TRY400 -- see above
                if self._stop.wait(pause):
                    raise StopWorkerError from error
        raise AssertionError

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
        self._disconnect()
        try:
            for queue in self._batch_queues:
                if release:
                    queue.release()
                queue.end_lease()
            self.teardown()  # type: ignore[no-untyped-call]
        except redis.RedisError as error:
            log.warning("left without saying so, Redis is away: %s", error)

    def _idle_too_long(self, since: float, most: int | None) -> bool:
        return most is not None and time.monotonic() - since >= most

    def _log(self, report: Report, outcomes: Sequence[Outcome], gone: Sequence[str]) -> None:
        log.info("batch", extra={"fields": report.fields})
        for outcome in outcomes:
            if outcome.failure and not outcome.retry:
                failure = outcome.failure
                event = outcome.delivery.identity.event_id or outcome.delivery.job_id
                log.warning(
                    "dead letter: %s",
                    failure.loggable,
                    extra={"fields": {"event": event, "kind": str(failure.kind)}},
                )
        if gone:
            log.warning("%d job ids had no job any more: %s", len(gone), ", ".join(gone[:10]))

    def execute_job(self, job: Job, queue: Queue) -> None:
        """RQ's way to run one job; this worker's batches do not come by it."""
        raise NotImplementedError(f"{type(self).__name__} settles batches, not {job.id} alone")


def _pauses() -> Iterator[float]:
    """Seconds between tries, without end: growing, with jitter."""
    pause = 0.1
    while True:
        yield pause * random.uniform(0.5, 1)
        pause = min(pause * 2, _LONGEST_PAUSE)
