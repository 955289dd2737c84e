"""What a queue holds in Redis, read through the registries that RQ keeps; nothing is changed."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final, cast

import redis
from rq import Queue, Worker
from rq.serializers import JSONSerializer
from rq.worker import BaseWorker, WorkerStatus

from signoff_schemas.keys import HEALTH, JOB_PREFIX, QueueKeys

_PAGE: Final = 1000
_COUNTS: Final = files("signoff_queue").joinpath("counts.lua").read_text("utf-8")
SILENT: Final = "silent"
"""The state of a worker whose heartbeats have stopped."""


class Place(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    IN_FLIGHT = "in_flight"
    SCHEDULED = "scheduled"
    FAILED = "failed"
    UNLISTED = "unlisted"
    """Its hash is there, but no list names it."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs are where."""

    waiting: int
    in_flight: int
    scheduled: int
    rq_failed: int
    """Jobs RQ gave up, which workers sweep into the dead letters."""
    missing_jobs: int
    """Job ids whose job was gone from Redis when a worker took them, since this queue began; an
    event that was on the queue twice may be among them."""


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A worker as it registered itself."""

    name: str
    state: str
    """As RQ has it; `silent` where it lives no longer, or hangs."""
    host: str | None
    pid: int | None
    last_heartbeat: datetime | None
    heartbeat_age: timedelta | None
    successful: int
    failed: int
    live: bool
    """Whether its work gets on; for a stock RQ worker, whether it beats."""
    ready: bool
    """Whether it applies what it takes."""
    waits_for: str | None
    """What keeps it from that; a stock RQ worker does not tell."""


class QueueReader:
    """Reads one queue."""

    def __init__(self, client: redis.Redis, name: str) -> None:
        self.client = client
        self.name = name
        self.keys = QueueKeys(name)

    def counts(self) -> Counts:
        """Count the jobs of each place, at one moment."""
        keys = self.keys
        counted = self.client.eval(
            _COUNTS, 5, keys.waiting, keys.started, keys.scheduled, keys.failed, keys.missing_jobs
        )
        return Counts(*cast("list[int]", counted))

    def oldest_waiting(self) -> datetime | None:
        """When the job at the head was put on the queue; None where that is not known."""
        head = cast("bytes | None", self.client.lindex(self.keys.waiting, 0))
        return self._moment(head, "enqueued_at") if head else None

    def sample(self, most: int) -> dict[str, bytes]:
        """The data of up to `most` waiting jobs on either end of the queue, by id."""
        ends = (self.client.lrange(self.keys.waiting, *end) for end in ((0, most - 1), (-most, -1)))
        ids = list(dict.fromkeys(_text(cast("bytes", member)) for end in ends for member in end))
        with self.client.pipeline(transaction=False) as pipe:
            for job_id in ids:
                pipe.hget(JOB_PREFIX + job_id, "data")
            found = pipe.execute(raise_on_error=False)
        return {i: data for i, data in zip(ids, found, strict=True) if isinstance(data, bytes)}

    def next_scheduled(self) -> datetime | None:
        """When the next retry is due."""
        due = cast("list[tuple[bytes, float]]", self.client.zrange(
            self.keys.scheduled, 0, 0, withscores=True))  # fmt: skip
        return datetime.fromtimestamp(due[0][1], UTC) if due else None

    def workers(self, *, silent_after: float) -> list[WorkerState]:
        """The workers that listen on the queue; `silent_after` so many seconds without a heartbeat.

        RQ keeps the entry of a worker that was killed for minutes.
        """
        queue = Queue(self.name, connection=self.client, serializer=JSONSerializer)
        workers = Worker.all(queue=queue, serializer=JSONSerializer)
        with self.client.pipeline(transaction=False) as pipe:
            for worker in workers:
                pipe.hget(worker.key, HEALTH)
            told = pipe.execute()
        states = [_worker(w, silent_after, t) for w, t in zip(workers, told, strict=True)]
        return sorted(states, key=lambda worker: worker.name)

    def place_of(self, job_id: str) -> tuple[Place, datetime | None] | None:
        """Where a job is, and since when or until when; None if Redis does not hold it."""
        # In the order in which a job goes, so that one that moves meanwhile is met further on.
        if self.client.lpos(self.keys.waiting, job_id) is not None:
            return Place.QUEUED, self._moment(job_id.encode(), "enqueued_at")
        if self._is_in_flight(job_id):
            return Place.IN_FLIGHT, None
        due = self.client.zscore(self.keys.scheduled, job_id)
        if due is not None:
            return Place.SCHEDULED, datetime.fromtimestamp(float(due), UTC)
        if self.client.zscore(self.keys.failed, job_id) is not None:
            return Place.FAILED, None
        if self.client.exists(JOB_PREFIX + job_id):
            return Place.UNLISTED, None
        return None

    def _is_in_flight(self, job_id: str) -> bool:
        if self.client.lpos(self._intermediate, job_id) is not None:
            return True
        started = self.client.zscan_iter(self.keys.started, f"{_literal(job_id)}:*")
        return next(started, None) is not None

    def listed(self) -> Iterator[str]:
        """The id of every job that some list of the queue names."""
        for start in range(0, int(self.client.llen(self.keys.waiting)), _PAGE):
            page = self.client.lrange(self.keys.waiting, start, start + _PAGE - 1)
            yield from (_text(cast("bytes", member)) for member in page)
        for held in self.client.lrange(self._intermediate, 0, -1):
            yield _text(cast("bytes", held))
        for member, _ in self.client.zscan_iter(self.keys.started, count=_PAGE):
            yield _text(member).rpartition(":")[0]
        for key in (self.keys.scheduled, self.keys.failed, *self.keys_of_others):
            for member, _ in self.client.zscan_iter(key, count=_PAGE):
                yield _text(member)

    def missing_jobs(self) -> list[str]:
        """Ids that workers took off the queue and found no job of."""
        return [
            _text(member) for member in self.client.sscan_iter(self.keys.missing_jobs, count=_PAGE)
        ]

    @property
    def _intermediate(self) -> str:
        """Where a stock RQ worker puts a job between taking and starting it."""
        return f"{self.keys.waiting}:intermediate"

    @property
    def keys_of_others(self) -> tuple[str, ...]:
        """Registries that only stock RQ workers fill: jobs done with, or waiting for others."""
        prefix = self.keys.waiting.partition(":")[0]
        return tuple(
            f"{prefix}:{registry}:{self.name}" for registry in ("finished", "deferred", "canceled")
        )

    def kept(self) -> Iterator[str]:
        """The id of every job of the queue whose hash Redis holds."""
        for keys in _pages(self.client.scan_iter(f"{JOB_PREFIX}*", count=_PAGE, _type="hash")):
            with self.client.pipeline(transaction=False) as pipe:
                for key in keys:
                    pipe.hget(key, "origin")
                origins = pipe.execute()
            for key, origin in zip(keys, origins, strict=True):
                if origin == self.name.encode():
                    yield _text(key).removeprefix(JOB_PREFIX)

    def _moment(self, job_id: bytes, field: str) -> datetime | None:
        with suppress(redis.ResponseError, ValueError):
            value = self.client.hget(JOB_PREFIX + _text(job_id), field)
            if value:
                return datetime.fromisoformat(_text(cast("bytes", value))).astimezone(UTC)
        return None


def queue_of(client: redis.Redis, job_id: str) -> str | None:
    """The queue that a job says it is on; None without such a job, or if it does not say."""
    with suppress(redis.ResponseError):
        origin = cast("bytes | None", client.hget(JOB_PREFIX + job_id, "origin"))
        return _text(origin) if origin else None
    return None


def age(moment: datetime | None) -> timedelta | None:
    """How long ago that was."""
    return None if moment is None else datetime.now(UTC) - moment


def _worker(worker: BaseWorker, silent_after: float, told: bytes | None) -> WorkerState:
    heartbeat = worker.last_heartbeat.astimezone(UTC) if worker.last_heartbeat else None
    since = age(heartbeat)
    silent = since is None or since.total_seconds() > silent_after
    health: dict[str, Any] = json.loads(told or b"{}")
    return WorkerState(
        name=worker.name,
        state=SILENT if silent else str(worker.get_state() or "unknown"),
        host=worker.hostname,
        pid=worker.pid,
        last_heartbeat=heartbeat,
        heartbeat_age=since,
        successful=worker.successful_job_count,
        failed=worker.failed_job_count,
        live=not silent and health.get("live", True),
        ready=not silent and health.get("ready", worker.get_state() != WorkerStatus.SUSPENDED),
        waits_for=None if silent else health.get("waits_for"),
    )


def _pages(keys: Iterator[Any]) -> Iterator[list[Any]]:
    page: list[Any] = []
    for key in keys:
        page.append(key)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page


def _literal(text: str) -> str:
    """The text as a pattern that matches nothing but itself."""
    return "".join(f"\\{c}" if c in "*?[]^\\" else c for c in text)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")
