"""Jobs in RQ's failed registry: they failed in RQ, or their id is too long to be read."""

import zlib
from base64 import b64decode
from collections.abc import Sequence
from typing import Final, NamedTuple

from redis import Redis

from signoff_queue.batch_queue import MAX_ID_BYTES, JobHash, TakenJob, taken_job, text_of
from signoff_queue.scripts import Script
from signoff_schemas.envelope import MAX_JOB_BYTES
from signoff_schemas.keys import JOB_PREFIX, RESULTS_PREFIX, QueueKeys

_AT_A_TIME: Final = 100
_MOST_BYTES: Final = 8 * 1024 * 1024
_LONGEST_REASON: Final = 64 * 1024
"""The most bytes of a traceback, packed and unpacked."""
_FIELDS: Final = 5


class FailedJob(NamedTuple):
    """A job in RQ's failed registry."""

    id: bytes
    """Where it is too long, its beginning."""
    job: TakenJob
    reason: str | None
    """The last line of the traceback, if RQ noted one."""
    mark: bytes
    """Identifies its data: a SHA-1, or the size. Of an id that is too long: the same of the id."""


class FailedJobs:
    """The failed registry of one queue."""

    def __init__(self, redis: Redis, name: str) -> None:
        keys = QueueKeys(name)
        self._failed, self._oversized = keys.failed, keys.oversized
        self._take = Script(redis, "take_failed")
        self._forget = Script(redis, "forget_failed")

    def some(self) -> list[FailedJob]:
        """Some of the jobs; they stay in the registry until `forget` deletes them.

        Raises:
            WrongTypeError: a key of the queue holds something else.
        """
        limits = [_AT_A_TIME, _MOST_BYTES, MAX_ID_BYTES, MAX_JOB_BYTES, _LONGEST_REASON]
        each = iter(self._take([self._failed], [JOB_PREFIX, RESULTS_PREFIX, *limits]))
        return [
            FailedJob(
                job_id,
                taken_job(text_of(job_id), data, found),
                packed and _last_line(packed),
                mark or b"",
            )
            for job_id, data, found, mark, packed in zip(*[each] * _FIELDS, strict=True)
        ]

    def forget(self, jobs: Sequence[FailedJob]) -> int:
        """Forget those that are still there with the same data; returns how many.

        What is too large to be read stays in Redis, and is noted as oversized.
        """
        long = [one.mark for one in jobs if one.job.hash == JobHash.LONG_ID]
        others = [one for one in jobs if one.job.hash != JobHash.LONG_ID]
        pairs = [value for one in others for value in (one.id, one.mark)]
        limits: list[str | bytes | float] = [MAX_JOB_BYTES, MAX_ID_BYTES, _AT_A_TIME, len(others)]
        arguments = [JOB_PREFIX, RESULTS_PREFIX, *limits, *pairs, *long]
        forgotten: int = self._forget([self._failed, self._oversized], arguments)
        return forgotten


def _last_line(packed: bytes) -> str | None:
    """The last line of a traceback as RQ packs it; it may be any bytes."""
    try:
        unpacked = zlib.decompressobj().decompress(b64decode(packed), _LONGEST_REASON)
    except (ValueError, zlib.error):
        return None
    lines = unpacked.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:500] if lines else None
