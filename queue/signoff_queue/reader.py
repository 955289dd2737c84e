"""Read a queue in Redis through RQ's registries; nothing is changed.

Anybody who can write to Redis can put anything there. So sizes are bounded before anything is read,
and a value of the wrong type counts as absent.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, cast

import redis

from signoff_queue.batch_queue import MAX_ID_BYTES, text_of
from signoff_queue.scripts import Script, wrong_types
from signoff_queue.workers import WorkerState, moment, registered_workers
from signoff_schemas.keys import JOB_PREFIX, QueueKeys

_PAGE: Final = 1000
_BEGINNING: Final = 4096
"""The most bytes of a sample's data."""
_LONGEST_TIME: Final = 64
"""The most bytes of an instant."""
_LONGEST_NAME: Final = 200
"""The most bytes of a queue's name."""


class Place(StrEnum):
    """The place of a job."""

    QUEUED = "queued"
    IN_FLIGHT = "in_flight"
    SCHEDULED = "scheduled"
    FAILED = "failed"
    OVERSIZED = "oversized"
    """It is too large to be read, and stays in Redis."""
    UNLISTED = "unlisted"
    """Its hash exists, but no list names it."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The number of jobs in each place."""

    waiting: int
    in_flight: int
    scheduled: int
    rq_failed: int
    """Jobs that failed in RQ; workers move them to the dead letters."""
    missing_jobs: int
    """Job ids whose job did not exist when a worker took them, until an audit settles them. An
    event that was on the queue twice may be among them."""
    oversized: int
    """Jobs that are too large to be read; they stay in Redis."""


class QueueReader:
    """Reads one queue."""

    def __init__(self, client: redis.Redis, name: str) -> None:
        self.client = client
        self.name = name
        self.keys = QueueKeys(name)
        self._counts = Script(client, "counts")
        self._look = Script(client, "look")
        self._page = Script(client, "page")

    def counts(self) -> Counts:
        """Count the jobs of each place, at one moment."""
        return self.counted()[0]

    def counted(self) -> tuple[Counts, datetime | None]:
        """The jobs of each place, and when the next retry is due, at one moment."""
        keys = self.keys
        places = [keys.waiting, keys.started, keys.scheduled, keys.failed]
        *counts, due = self._counts([*places, keys.missing_jobs, keys.oversized], [])
        return Counts(*counts), None if due is None else _instant(float(due))

    def wrong_types(self) -> list[str]:
        """A sentence for each of the queue's keys that holds another type than it should."""
        keys = self.keys
        sorted_sets = [keys.started, keys.scheduled, keys.failed, keys.leases]
        expected = dict.fromkeys(sorted_sets, "zset") | {
            keys.waiting: "list",
            keys.missing_jobs: "set",
            keys.oversized: "set",
            f"rq:workers:{self.name}": "set",
            "rq:workers": "set",
            "rq:queues": "set",
        }
        return wrong_types(self.client, expected)

    def oldest_waiting(self) -> datetime | None:
        """When the job at the head was enqueued; None if that is not known."""
        found = self._look([self.keys.waiting], [JOB_PREFIX, 1, MAX_ID_BYTES, 1])
        return moment(found[2]) if found else None

    def sample(self, most: int) -> dict[str, bytes]:
        """The first bytes of up to `most` waiting jobs at either end of the queue, by id."""
        limits: list[str | bytes | float] = [JOB_PREFIX, most, MAX_ID_BYTES, _BEGINNING]
        each = iter(self._look([self.keys.waiting], limits))
        return {
            text_of(job_id): data for job_id, data, _ in zip(each, each, each, strict=True) if data
        }

    def workers(self, *, silent_after: float) -> list[WorkerState]:
        """Its workers; a worker is silent after this many seconds without a heartbeat."""
        return registered_workers(self.client, self.name, silent_after=silent_after)

    def place_of(self, job_id: str) -> tuple[Place, datetime | None] | None:
        """The place of a job, and since when or until when it is there; None if it is in none."""
        # In the order in which a job moves, so that a job that moves meanwhile is found later on.
        if self._find("LPOS", self.keys.waiting, job_id) is not None:
            return Place.QUEUED, self._enqueued_at(job_id)
        if self._is_in_flight(job_id):
            return Place.IN_FLIGHT, None
        due = self._find("ZSCORE", self.keys.scheduled, job_id)
        if due is not None:
            return Place.SCHEDULED, _instant(float(due))
        at_rest = self._place_at_rest(job_id)
        return (at_rest, None) if at_rest else None

    def _place_at_rest(self, job_id: str) -> Place | None:
        """The place of a job that no worker holds and no worker will take."""
        if self._find("ZSCORE", self.keys.failed, job_id) is not None:
            return Place.FAILED
        if self._find("SISMEMBER", self.keys.oversized, JOB_PREFIX + job_id):
            return Place.OVERSIZED
        return Place.UNLISTED if self.client.exists(JOB_PREFIX + job_id) else None

    def _find(self, command: str, key: str, member: str) -> Any:  # noqa: ANN401 -- as Redis answers
        """The command's reply; None if the key is of another type."""
        with suppress(redis.ResponseError):
            return self.client.execute_command(command, key, member)  # type: ignore[no-untyped-call]
        return None

    def _is_in_flight(self, job_id: str) -> bool:
        if self._find("LPOS", self.keys.intermediate, job_id) is not None:
            return True
        with suppress(redis.ResponseError):
            started = self.client.zscan_iter(self.keys.started, f"{_literal(job_id)}:*")
            return next(started, None) is not None
        return False

    def _enqueued_at(self, job_id: str) -> datetime | None:
        with suppress(redis.ResponseError):
            key = JOB_PREFIX + job_id
            if self.client.hstrlen(key, "enqueued_at") <= _LONGEST_TIME:
                return moment(cast("bytes | None", self.client.hget(key, "enqueued_at")))
        return None

    def listed(self) -> Iterator[str]:
        """The id of every job that is on a list of the queue."""
        keys = self.keys
        for job_id in self._ids("LRANGE", keys.waiting, keys.intermediate):
            yield text_of(job_id)
        for entry in self._ids("ZSCAN", keys.started):
            yield text_of(entry).rpartition(":")[0]
        registries = (keys.scheduled, keys.failed, keys.finished, keys.deferred, keys.canceled)
        for job_id in self._ids("ZSCAN", *registries, keys.ready):
            yield text_of(job_id)
        for key in self._ids("SSCAN", keys.oversized):
            yield text_of(key).removeprefix(JOB_PREFIX)

    def missing_jobs(self) -> Iterator[bytes]:
        """Ids that workers took off the queue and whose job did not exist."""
        return self._ids("SSCAN", self.keys.missing_jobs)

    def kept(self) -> Iterator[str]:
        """The id of every job of the queue that has a hash in Redis."""
        for job_id in self._ids("SCAN", self.keys.waiting):
            yield text_of(job_id)

    def _ids(self, how: str, *places: str) -> Iterator[bytes]:
        """All ids in the places. An id that does not move meanwhile is yielded at least once."""
        for place in places:
            start: bytes = b"0"
            while True:
                arguments: list[str | bytes | float] = [
                    how,
                    start,
                    _PAGE,
                    JOB_PREFIX,
                    MAX_ID_BYTES,
                    self.name,
                ]
                start, ids = self._page([place], arguments)
                yield from ids
                if start == b"0":
                    break


def queue_of(client: redis.Redis, job_id: str) -> str | None:
    """The queue that a job's hash names; None if there is no such job, or it names none."""
    with suppress(redis.ResponseError):
        key = JOB_PREFIX + job_id
        if client.hstrlen(key, "origin") <= _LONGEST_NAME:
            origin = cast("bytes | None", client.hget(key, "origin"))
            return text_of(origin) if origin else None
    return None


def age(moment: datetime | None) -> timedelta | None:
    """The time since that moment."""
    return None if moment is None else datetime.now(UTC) - moment


def _instant(seconds: float) -> datetime | None:
    """Seconds since the epoch as an instant; None if `datetime` cannot hold it."""
    with suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(seconds, UTC)
    return None


def _literal(text: str) -> str:
    """A pattern that matches only this text."""
    return "".join(f"\\{c}" if c in "*?[]^\\" else c for c in text)
