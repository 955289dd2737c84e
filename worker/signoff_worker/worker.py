"""The worker: an RQ worker that settles many jobs at a time (`pipeline.py`)."""

import json
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.client import PubSub, PubSubWorkerThread
from redis.retry import Retry
from rq.command import handle_shutdown_command
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.utils import utcformat
from rq.worker import BaseWorker, WorkerStatus

from signoff_db.connection import BatchConnection
from signoff_queue.batch_queue import BatchQueue
from signoff_schemas import WorkerSettings
from signoff_schemas.backoff import StoppedError
from signoff_schemas.keys import SUSPENDED
from signoff_schemas.signals import set_from_handler
from signoff_worker.backoff import Backoff
from signoff_worker.database import Database
from signoff_worker.health import Health
from signoff_worker.heartbeat import Heartbeat
from signoff_worker.interpreter import spend_time_on_events
from signoff_worker.logs import configure
from signoff_worker.maintenance import Maintenance
from signoff_worker.outages import is_outage
from signoff_worker.pipeline import WAIT, Pipeline
from signoff_worker.reasons import outage_reason
from signoff_worker.registration import Registration
from signoff_worker.retries import group_size
from signoff_worker.troubles import Troubles
from signoff_worker.watch import Watch

log = logging.getLogger("signoff.worker")

_PAUSE: Final = 1.0
"""Seconds between looks while workers are suspended."""
_LONGEST_COMMAND: Final = 1024
"""The most bytes of a command of RQ's tools."""


class ApprovalWorker(BaseWorker):
    """An RQ worker that applies events in batches."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- they are RQ's
        """Takes the arguments of RQ's workers; other settings come from `WorkerSettings`."""
        kwargs["serializer"] = JSONSerializer
        super().__init__(*args, **kwargs)
        # The client must not repeat a drain: the reply to the first one would be lost.
        self.connection.set_retry(Retry(NoBackoff(), 0))
        self.settings = WorkerSettings.load()
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
        self._registration = Registration(self, self.health)
        self._troubles = Troubles(self.health)
        self._with_backoff = Backoff(self._stop, self.health)
        application = f"signoff worker {self.name}"  # the application name in Postgres
        self._watch = Watch(self.health, self.settings, application=application)
        self._database = Database(self.settings, application=application)
        self._pipeline = Pipeline(
            self.settings,
            self._database,
            worker_key=self.key,
            stop=self._stop,
            health=self.health,
        )
        self._maintenance = {
            queue.name: Maintenance(queue, self._connected_alone) for queue in self._batch_queues
        }
        self._idle = False
        """Whether the last turn found no job; then the next turn waits."""
        self._worked = 0

    def _set_ip_address(self, connection: redis.Redis) -> None:
        """RQ's constructor calls this. If Redis is unavailable, the worker waits for it later."""
        try:
            super()._set_ip_address(connection)
        except (redis.ConnectionError, redis.TimeoutError):
            self.ip_address = "unknown"

    @property
    def dequeue_timeout(self) -> int:
        """The most seconds of a wait for jobs; RQ derives its socket timeout from it."""
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
        """Work until stopped; with `burst`, until nothing waits. Arguments and result are RQ's."""
        self._install_signal_handlers()  # type: ignore[no-untyped-call]
        configure(self.settings.log_format, logging_level or self.settings.log_level)
        spend_time_on_events()
        self._watch.open()
        try:
            self._database.await_schema(self._stop, self.health)
            self._with_backoff(self._registration.open)
            with Heartbeat(self._beat, self.settings.redeliver_after / 6):
                self._work_off(max_jobs or sys.maxsize, 0 if burst else max_idle_time)
        except (StoppedError, SystemExit):
            self._leave(release=True)
        except BaseException:
            # The batch may have caused the error. It is not released: when the lease expires, a
            # death is counted, and others take its jobs in small groups.
            self._leave(release=False)
            raise
        else:
            self._leave(release=True)
        return self._worked > 0

    def _work_off(self, most: int, max_idle: float | None) -> None:
        """Settle batches until stopped, until `most` jobs, or after `max_idle` idle seconds."""
        idle_since = time.monotonic()
        while not self._stop.is_set() and self._worked < most:
            done = self._with_backoff(self._turn)
            self.health.turn()
            self._worked += done
            self._idle = not done and not self._troubles
            if not self._idle:
                idle_since = time.monotonic()
            elif max_idle is not None and time.monotonic() - idle_since >= max_idle:
                break
        self._pipeline.finish()

    def _turn(self) -> int:
        """Run due maintenance, then settle one batch of each queue; returns the jobs taken."""
        due = [queue for queue in self._batch_queues if self._troubles.is_due(queue.name)]
        if not due:
            self._stop.wait(_PAUSE / 10)
        wait = self._idle and self._may_wait()
        return sum(self._work_on(queue, wait=wait) for queue in due)

    def _work_on(self, queue: BatchQueue, *, wait: bool) -> int:
        """Process one queue in this turn; a fault of this queue does not stop the others."""
        try:
            swept = self._maintenance[queue.name].run_when_due()
            done = swept + self._pipeline.settle_next(queue, wait=wait and not swept)
        except redis.ResponseError as error:
            if is_outage(error):
                raise
            self._troubles.note(queue.name, error)
            return 0
        self._troubles.over(queue.name)
        return done

    def _may_wait(self) -> bool:
        """Whether to wait for a job in Redis; if not, this sleeps a little."""
        suspended = bool(self.connection.exists(SUSPENDED))
        self._registration.show(WorkerStatus.SUSPENDED if suspended else WorkerStatus.IDLE)
        if suspended:
            self._stop.wait(_PAUSE)
        elif len(self._batch_queues) > 1:
            self._stop.wait(_PAUSE / 10)
        return not suspended and len(self._batch_queues) == 1

    def _beat(self) -> None:
        """Renew the leases, requeue the jobs of dead workers, write the heartbeat."""
        for queue in self._batch_queues:
            self._beat_on(queue)
        if self._pipeline.busy:
            self._registration.show(WorkerStatus.BUSY)
        self._registration.beat()

    @staticmethod
    def _beat_on(queue: BatchQueue) -> None:
        try:
            queue.renew_lease()
            redelivered = queue.redeliver()
        except redis.ResponseError as error:
            if is_outage(error):
                raise
            log.warning("the lease on queue %s cannot be renewed: %s", queue.name, error)
        else:
            if redelivered:
                log.warning("redelivered events of workers that died: %d", redelivered)

    def register_birth(self) -> None:
        """Register with RQ. An earlier try may have succeeded although its reply was lost.

        Raises:
            ValueError: another worker has this name.
        """
        try:
            super().register_birth()  # type: ignore[no-untyped-call]
        except ValueError:
            mine = [utcformat(self.birth_date) if self.birth_date else "", str(self.pid)]
            if self.connection.hmget(self.key, "birth", "pid") != [m.encode() for m in mine]:
                raise

    def handle_payload(self, message: dict[str, Any]) -> None:
        """RQ calls this with a command published to this worker; only `shutdown` is obeyed."""
        data = message.get("data")
        payload = None
        with suppress(ValueError, RecursionError):
            if isinstance(data, bytes) and len(data) <= _LONGEST_COMMAND:
                payload = json.loads(data)
        if isinstance(payload, dict) and payload.get("command") == "shutdown":
            handle_shutdown_command(self)
        else:
            log.warning("a command of RQ that this worker does not know is ignored")

    def _pubsub_exception_handler(
        self,
        exc: BaseException,
        pubsub: PubSub,
        pubsub_thread: PubSubWorkerThread,  # noqa: ARG002 -- the arguments are RQ's
    ) -> None:
        """RQ's thread that listens for commands calls this on any error; it goes on listening.

        After an error in the middle of a message, what follows on the connection cannot be read:
        the next turn opens another one.
        """
        if not isinstance(exc, Exception):
            raise exc
        reason = outage_reason(exc)
        log.warning("commands of RQ's tools are not heard for %g s: %s", _PAUSE, reason)
        connection: Any = pubsub.connection  # redis-py's types say None
        if connection is not None:
            connection.disconnect()
        time.sleep(_PAUSE)

    @contextmanager
    def _connected_alone(self) -> Iterator[BatchConnection]:
        """The connection, once no batch uses it."""
        self._pipeline.finish()
        with self._database.lent() as connection:
            yield connection

    def _shutdown(self) -> None:
        """RQ calls this on the first signal: the current batch is finished. A second one raises."""
        self._stop_requested = True
        set_from_handler(self._stop)

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:
        """RQ calls this on the second signal: leave at once; later signals are ignored."""
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
                self._leave_queue(queue, release=release)
            self._registration.close()
        except redis.RedisError as error:
            log.warning("not unregistered, since Redis is unavailable: %s", outage_reason(error))

    @staticmethod
    def _leave_queue(queue: BatchQueue, *, release: bool) -> None:
        try:
            if release:
                queue.release()
            queue.end_lease()
        except redis.ResponseError as error:
            if is_outage(error):
                raise
            log.warning("queue %s could not be left: %s", queue.name, error)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """RQ's way to run one job; this worker does not use it."""
        raise NotImplementedError(f"{type(self).__name__} settles batches, not {job.id} alone")
