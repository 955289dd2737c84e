"""How a worker processes batches.

The steps of a batch:

1. wait until a job waits;
2. take up to `BATCH_SIZE` jobs into RQ's started registry, under this worker's lease (`drain.lua`);
3. read each job: validate its event, or note why it holds none (`reading.py`);
4. apply them in one transaction: state, ledger and dead letters (`signoff_db.apply`);
5. acknowledge them (`acknowledge.lua`).

If a batch is full, more jobs are waiting. Then a second thread applies it, while the main thread
takes and reads the next batch. If another worker changed an event's interaction meanwhile, step 4
returns the event as raced. A few raced events are applied and acknowledged with the next batch.

A worker that dies before step 4 is committed has changed nothing. If it dies after step 4 and
before step 5, its events are delivered again, and the ledger shows that they are duplicates. In
both cases the jobs are requeued when the lease expires.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Final

import redis
from redis.exceptions import OutOfMemoryError

from signoff_db.apply import Outcome, apply
from signoff_db.delivery import Delivery
from signoff_queue.batch_queue import BatchQueue, TakenJob
from signoff_queue.scripts import WrongTypeError
from signoff_schemas import WorkerSettings
from signoff_worker.background import in_background
from signoff_worker.backoff import Backoff
from signoff_worker.batch import Batch, Report
from signoff_worker.database import Database
from signoff_worker.health import Health
from signoff_worker.logs import log_batch
from signoff_worker.outages import is_outage
from signoff_worker.reading import begin_reading_taken
from signoff_worker.reasons import outage_reason
from signoff_worker.retries import retry_delay

log = logging.getLogger("signoff.worker")

WAIT: Final = 1
"""Seconds that a wait for jobs takes at the most."""
_FULL_REDIS: Final = 0.1
"""Seconds between two looks for jobs while Redis is too full to allow a wait."""
_RACED: Final = 0.1
"""The largest part of a batch to carry over. More means one busy row, which would race again."""
_MAX_CARRIED_OVER: Final = 10
"""Batches in a row that may carry raced events over; so no event is carried over for ever."""


@dataclass(frozen=True, slots=True)
class _Applying:
    """A batch that a second thread applies."""

    batch: Batch
    outcomes: Future[list[Outcome]]


class Pipeline:
    """Settles batches in order. With a backlog, one batch is applied while the next is read."""

    def __init__(
        self,
        settings: WorkerSettings,
        database: Database,
        *,
        worker_key: str,
        stop: Event,
        health: Health,
    ) -> None:
        """`worker_key` is the hash with RQ's counters; `stop` is set when the worker is to end."""
        self._settings = settings
        self._database = database
        self._worker_key = worker_key
        self._stop = stop
        self._health = health
        self._with_backoff = Backoff(stop, health)
        self._applying: _Applying | None = None
        self._committed: list[tuple[Batch, list[Outcome]]] = []
        """Committed batches that are not acknowledged yet."""
        self.busy = False
        """Whether the last batch held any jobs."""

    def settle_next(self, queue: BatchQueue, *, wait: bool) -> int:
        """Take a batch and settle it; returns how many jobs it held.

        A full batch is applied in the background, and settled with the next call. With `wait`, this
        waits up to a second for a job. Jobs that workers died with are applied with no other batch
        in hand.
        """
        self._acknowledge_committed(queue)
        batch = self._next(queue, wait=wait)
        if self._applying and not batch.jobs:  # the waiting jobs may be suspects
            self.finish()
            batch = self._next(queue, wait=False)
        self.busy = bool(batch.jobs)
        if len(batch.jobs) == self._settings.batch_size and not batch.suspect:
            self._read(batch)
            self.finish(then=batch)
        else:
            self.finish()
            if batch.jobs:
                self._read(batch)
                self._acknowledge(batch, self._apply(batch))
        return len(batch.jobs)

    def _next(self, queue: BatchQueue, *, wait: bool) -> Batch:
        """Steps 1 and 2."""
        report = Report()
        with report.timed("drain"):
            return Batch(queue, self.take(queue, wait=wait), report)

    def _read(self, batch: Batch) -> None:
        """Step 3. Its second half is done where there is time.

        That is here while Postgres is busy, else in the thread that applies the batch, while this
        one waits for Redis.
        """
        with batch.report.timed("read"):
            batch.finish_reading = begin_reading_taken(batch.jobs, self._settings.max_redeliveries)
            if self._applying and not self._applying.outcomes.done():
                batch.read()

    def finish(self, then: Batch | None = None) -> None:
        """Wait for the batch being applied; start to apply `then`; acknowledge the first."""
        done = self._applying
        outcomes = done.outcomes.result() if done else []
        raced = [o.delivery for o in outcomes if o.raced]
        settled = [o for o in outcomes if not o.raced]
        if done and then and then.queue is done.batch.queue:
            then.carry_over(raced, done.batch)
        elif raced:
            settled += self.apply(raced)
        self._applying = self._begin(then) if then else None
        if done:
            self._acknowledge(done.batch, settled)

    def _begin(self, batch: Batch) -> _Applying:
        leaves = batch.carried_over < _MAX_CARRIED_OVER
        most_raced = int(_RACED * self._settings.batch_size) if leaves else 0
        return _Applying(batch, in_background(lambda: self._apply(batch, most_raced)))

    def abandon(self) -> None:
        """Cancel the statement that Postgres runs, and close the connection."""
        if self._applying:
            self._database.cancel()
        self._database.drop()

    def take(self, queue: BatchQueue, *, wait: bool) -> list[TakenJob]:
        """Take jobs. If Redis's reply is lost, the jobs that it took are released."""
        try:
            if wait:
                return queue.await_and_take(self._settings.batch_size, WAIT)
            return queue.take(self._settings.batch_size, suspects=not self._applying)
        except OutOfMemoryError:  # waiting is a write (BLMOVE), which a full Redis refuses
            self._stop.wait(_FULL_REDIS)
            return []
        except WrongTypeError:  # nothing was taken
            self.finish()
            raise
        except redis.RedisError:
            self.finish()
            self._with_backoff(queue.start_over)
            raise

    def _apply(self, batch: Batch, most_raced: int = 0) -> list[Outcome]:
        with batch.report.timed("read"):
            deliveries = batch.finish_reading() + batch.carried
        with batch.report.timed("apply"):
            return self.apply(deliveries, most_raced, awaited=batch.queue.is_awaited)

    def apply(
        self, deliveries: Sequence[Delivery], most_raced: int = 0, *, awaited: bool = False
    ) -> list[Outcome]:
        """Step 4. While Postgres is unavailable, the batch is kept and no attempt is counted.

        Raises:
            StoppedError: the worker was asked to stop.
        """

        def step() -> list[Outcome]:
            return apply(
                self._database.connection(),
                deliveries,
                retries=self._settings.retry_attempts,
                most_raced=most_raced,
                awaited=awaited,
            )

        def note(error: Exception) -> None:
            log.error(
                "Postgres is unavailable (events in hand: %d): %s",
                len(deliveries),
                outage_reason(error),
            )

        return self._database.retry_outages(
            step, stop=self._stop, health=self._health, on_outage=note
        )

    def _acknowledge(self, batch: Batch, outcomes: list[Outcome]) -> None:
        """Step 5. If Redis refuses it, it is repeated before the queue's next batch is taken."""
        self._committed.append((batch, outcomes))
        try:
            self._acknowledge_committed(batch.queue)
        except redis.ResponseError as error:
            if is_outage(error):
                raise
            log.error("a committed batch stays in flight: %s", error)  # noqa: TRY400 -- the reason

    def _acknowledge_committed(self, queue: BatchQueue) -> None:
        """Acknowledge the committed batches of this queue.

        Raises:
            WrongTypeError: a key of the queue holds something else.
        """
        for batch, outcomes in [c for c in self._committed if c[0].queue is queue]:
            with batch.report.timed("acknowledge"):
                self._with_backoff(partial(self.acknowledge, batch, outcomes))
            self._committed = [c for c in self._committed if c[0] is not batch]
            batch.report.count(outcomes)
            log_batch(batch, outcomes)

    def acknowledge(self, batch: Batch, outcomes: Sequence[Outcome]) -> None:
        """Step 5. An oversized job leaves the queue, but stays in Redis."""
        oversized = set(batch.oversized)
        dead = [o.delivery.job_id for o in outcomes if o.failure and not o.retry]
        lost = batch.queue.acknowledge(
            self._worker_key,
            [o.delivery.job_id for o in outcomes if not o.failure],
            dead=[job_id for job_id in dead if job_id not in oversized],
            kept=[job_id for job_id in dead if job_id in oversized],
            retries=[
                (
                    o.delivery.job_id,
                    retry_delay(o.delivery.retries, self._settings),
                    o.delivery.retries + 1,
                )
                for o in outcomes
                if o.retry
            ],
        )
        if lost:
            log.warning(
                "%d jobs were no longer held by this worker: its lease expired while the process "
                "was paused, or a reply of Redis was lost",
                lost,
            )
