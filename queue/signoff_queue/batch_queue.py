"""The worker's side of the queue in Redis: take, acknowledge, requeue; one round trip each.

A job moves from `waiting` (a list) to `started`, under this worker's lease. Then it is acknowledged
and deleted; or it is moved to `scheduled`, and back to `waiting` when its retry is due. When a
lease expires, its worker counts as dead, and its jobs are requeued.
"""

import secrets
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple, cast

from redis import Redis

from signoff_queue.scripts import Script
from signoff_queue.waiting import Waiter
from signoff_schemas.envelope import MAX_JOB_BYTES
from signoff_schemas.keys import JOB_PREFIX, SUSPENDED, QueueKeys

MAX_ID_BYTES: Final = 512
"""The most bytes of a job id that is read; an event's id has 36."""
_MOST_BYTES: Final = 8 * 1024 * 1024
"""The most data that one batch takes out of Redis."""
_FIELDS: Final = 3
_ORDINARY: Final = 1
"""What `drain.lua` returns of a job that has data, and neither deaths nor retries."""
_IN_FLIGHT_PAGE: Final = 1000
"""Entries of the started registry that one call of `requeue.lua` looks at."""


class JobHash(IntEnum):
    """The kind of a job's hash, as `drain.lua` found it."""

    JOB = 1
    MISSING = 0
    """Only its id was left, so that there is nothing to apply or to keep."""
    NO_DATA = -1
    NO_HASH = -2
    LARGE_DATA = -3
    LONG_ID = -4


_NOT_HELD: Final = frozenset({JobHash.MISSING, JobHash.LONG_ID})
"""Not in the started registry, and so not acknowledged: the drain removed it from the queue, or put
it into the failed registry."""


class Oversize(NamedTuple):
    """A job that is too large to be read: its data or its id. It stays in Redis."""

    bytes: int
    """The size of what is too large."""
    sha1: str | None
    """The hash of what is too large; None if it is too large to be hashed."""


class TakenJob(NamedTuple):
    """A job as it was in Redis."""

    id: str
    """Only its beginning if it is too long."""
    data: bytes | None
    """Only its beginning if it is too large."""
    deaths: int = 0
    """The number of workers that died while they held it."""
    retries: int = 0
    hash: int = JobHash.JOB
    oversize: Oversize | None = None


class BatchQueue:
    """One RQ queue, many jobs at a time, held under a lease."""

    def __init__(self, redis: Redis, name: str, *, lease_seconds: float, group: int = 1) -> None:
        self.redis = redis
        self.keys = QueueKeys(name)
        self.name = name
        self.lease = _token()
        """This worker's lease token, which marks its jobs in the started registry."""
        self.lease_seconds = lease_seconds
        self.group = group
        """The most jobs with one death that are taken together."""
        self.has_long_ids = False
        """Whether the last batch held ids that are too long; they are in the failed registry."""
        self.is_awaited = False
        """Whether the last acknowledgement settled jobs, and somebody was subscribed to ids."""
        self._raw: dict[str, bytes] = {}
        """The bytes of ids that are not UTF-8, by the text that is used for them elsewhere."""
        self._drain = Script(redis, "drain")
        self._acknowledge = Script(redis, "acknowledge")
        self._requeue = Script(redis, "requeue")
        self._promote = Script(redis, "promote")
        self._renew = Script(redis, "renew")
        self._waiter = Waiter(redis, self.keys.waiting, self._drain)

    def take(self, most: int, *, suspects: bool = True) -> list[TakenJob]:
        """Take up to `most` jobs; none if the queue is empty or workers are suspended.

        Without `suspects`, none if a worker died with the next job.

        Raises:
            WrongTypeError: a key of the queue holds something else; nothing was taken.
        """
        group = self.group if suspects else 0
        return self._jobs(self._drain(self._drain_keys, self._drain_arguments(most, group)))

    def await_and_take(self, most: int, seconds: int) -> list[TakenJob]:
        """Take as soon as a job waits, at the latest after `seconds`: one round trip for both.

        Raises:
            OutOfMemoryError: a full Redis allows no wait, and no job was waiting.
            WrongTypeError: as `take`.
        """
        arguments = self._drain_arguments(most, self.group)
        return self._jobs(self._waiter.await_and_run(seconds, self._drain_keys, arguments))

    @property
    def _drain_keys(self) -> list[str]:
        return [
            self.keys.waiting,
            self.keys.started,
            self.keys.leases,
            SUSPENDED,
            self.keys.missing_jobs,
            self.keys.failed,
        ]

    def _drain_arguments(self, most: int, group: int) -> list[str | float]:
        return [
            JOB_PREFIX,
            self.lease,
            self.lease_seconds,
            most,
            _MOST_BYTES,
            group,
            MAX_ID_BYTES,
            MAX_JOB_BYTES,
        ]

    def _jobs(self, values: Any) -> list[TakenJob]:  # noqa: ANN401 -- as Redis answers
        names, data, found = self._names(values[::_FIELDS]), values[1::_FIELDS], values[2::_FIELDS]
        jobs = [
            TakenJob(job_id, held) if what == _ORDINARY else taken_job(job_id, held, what)
            for job_id, held, what in zip(names, data, found, strict=True)
        ]
        self.has_long_ids = JobHash.LONG_ID in {job.hash for job in jobs}
        self._forget_names([j.id for j in jobs if j.hash in _NOT_HELD] if self._raw else ())
        return jobs

    def _names(self, job_ids: Sequence[bytes]) -> list[str]:
        try:
            return [job_id.decode() for job_id in job_ids]
        except UnicodeDecodeError:
            return list(map(self._name, job_ids))

    def _name(self, job_id: bytes) -> str:
        try:
            return job_id.decode()
        except UnicodeDecodeError:
            name = text_of(job_id)
            self._raw[name] = job_id
            return name

    def acknowledge(
        self,
        worker_key: str,
        good: Sequence[str],
        *,
        dead: Sequence[str] = (),
        kept: Sequence[str] = (),
        retries: Sequence[tuple[str, float, int]] = (),
    ) -> int:
        """Acknowledge a committed batch; safe to repeat.

        Args:
            worker_key: the hash in which RQ counts this worker's jobs.
            good: ids of jobs that were applied or are duplicates; RQ jobs that depend on them are
                enqueued.
            dead: ids of jobs that are dead letters now.
            kept: ids of jobs that are dead letters now and stay in Redis: they are too large.
            retries: ids of jobs to retry, with the seconds until then and the number of this retry.

        Returns:
            How many of these jobs this worker no longer held.

        Raises:
            WrongTypeError: a key of the queue holds something else; nothing was changed.
        """
        ids = (*good, *dead, *kept)
        put_off = [v for job_id, delay, n in retries for v in (self._key(job_id), delay, n)]
        arguments: list[str | bytes | float] = [
            JOB_PREFIX,
            self.lease,
            len(good),
            len(dead),
            len(kept),
            self.keys.settled,
            *(map(self._key, ids) if self._raw else ids),
            *put_off,
        ]
        keys = [self.keys.started, self.keys.scheduled, worker_key, self.keys.oversized]
        lost, subscribers = cast("list[int]", self._acknowledge(keys, arguments))
        self.is_awaited = subscribers > 0
        self._forget_names(good, dead, kept, [job_id for job_id, _, _ in retries])
        return lost

    def _forget_names(self, *ended: Sequence[str]) -> None:
        if self._raw:
            for job_id in self._raw.keys() & {job_id for ids in ended for job_id in ids}:
                del self._raw[job_id]

    def _key(self, job_id: str) -> str | bytes:
        return self._raw.get(job_id, job_id)

    def release(self) -> int:
        """Requeue all jobs of this worker, without counting a death."""
        return self._requeue_pages(self.lease)

    def start_over(self) -> None:
        """After a lost reply to `take`: release the jobs that it took, and begin a new lease.

        Redis may run that `take` later. What it takes is held by the old lease, which nobody
        renews, and is requeued when that lease expires.
        """
        self.release()
        self.lease = _token()

    def promote(self) -> int:
        """Move jobs whose retry is due to the queue; returns how many."""
        keys = [self.keys.waiting, self.keys.scheduled]
        return cast("int", self._promote(keys, [JOB_PREFIX]))

    def redeliver(self) -> int:
        """Requeue the jobs of dead workers; returns how many."""
        return self._requeue_pages("")

    def _requeue_pages(self, lease: str) -> int:
        """Requeue what this lease holds; what expired leases held, if it is empty."""
        cursor = b"0"
        requeued: int = 0
        while True:
            page: list[str | bytes | float] = [lease, cursor, _IN_FLIGHT_PAGE]
            arguments = [JOB_PREFIX, *page, self.name]
            cursor, back = self._requeue(self._flight_keys, arguments)
            requeued += back
            if cursor == b"0":
                return requeued

    def renew_lease(self) -> None:
        """Renew this worker's lease."""
        self._renew([self.keys.leases], [self.lease, self.lease_seconds])

    def end_lease(self) -> None:
        """End this worker's lease: it holds nothing any more."""
        self.redis.zrem(self.keys.leases, self.lease)

    @property
    def _flight_keys(self) -> list[str]:
        return [self.keys.waiting, self.keys.started, self.keys.leases, self.keys.missing_jobs]


def taken_job(job_id: str, data: bytes | None, found: Any) -> TakenJob:  # noqa: ANN401 -- as Redis answers
    """A job from the three values of it that `drain.lua` returns."""
    if found == _ORDINARY:
        return TakenJob(job_id, data)
    held, deaths, retries, *oversize = found
    if not oversize:
        return TakenJob(job_id, data, deaths, retries, held)
    size, *sha1 = oversize
    too_large = Oversize(size, sha1[0].decode() if sha1 else None)
    return TakenJob(job_id, data, deaths, retries, held, too_large)


def _token() -> str:
    return f"signoff-{secrets.token_hex(8)}"


def text_of(job_id: bytes) -> str:
    """A job's id as text, whatever bytes it is made of."""
    return job_id.decode("utf-8", "backslashreplace")
