"""The worker's side of the queue in Redis: take, acknowledge, give back; one round trip each.

A job's life here: `waiting` (list) → taken into `started` under this worker's lease → acknowledged,
which ends it, or put off into `scheduled` and promoted to `waiting` when its time has come. Where a
lease runs out, its worker counts as dead, and its jobs go back to `waiting`.
"""

import secrets
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final, NamedTuple, cast

from redis import Redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError, RedisError

from signoff_schemas.keys import JOB_PREFIX, SUSPENDED, QueueKeys

_MOST_BYTES: Final = 8 * 1024 * 1024
"""The most data one batch takes out of Redis, huge payloads aside."""
_FIELDS: Final = 5
_MOST_COUNTED: Final = 1_000_000


class TakenJob(NamedTuple):
    """A job as it stood in Redis."""

    id: str
    data: bytes | None
    deaths: int
    """Workers that died with it in hand."""
    retries: int
    hash: int
    """1 a job, 0 gone, -1 without data, -2 no hash."""

    @property
    def missing(self) -> bool:
        """Whether only the id was left; there is nothing to apply or to keep."""
        return self.hash == 0


class BatchQueue:
    """One RQ queue, many jobs at a time, held under a lease."""

    def __init__(self, redis: Redis, name: str, *, lease_seconds: float, group: int = 1) -> None:
        self.redis = redis
        self.keys = QueueKeys(name)
        self.name = name
        self.lease = _token()
        """This worker's token: what marks its jobs in the started registry."""
        self.lease_seconds = lease_seconds
        self.group = group
        """The most jobs taken together that came back after one worker's death."""
        self._raw: dict[str, bytes] = {}
        """What ids that are not UTF-8 are in Redis, by what they are called everywhere else."""
        self._drain = _script(redis, "drain")
        self._acknowledge = _script(redis, "acknowledge")
        self._requeue = _script(redis, "requeue")
        self._promote = _script(redis, "promote")
        self._renew = _script(redis, "renew")

    def take(self, most: int, *, suspects: bool = True) -> list[TakenJob]:
        """Take up to `most` jobs; none while the queue is empty or workers are suspended.

        Without `suspects`, none either while one that a worker died with is the next.
        """
        group = self.group if suspects else 0
        return self._jobs(self._drain(self._drain_keys, self._drain_arguments(most, group)))

    def await_and_take(self, most: int, seconds: int) -> list[TakenJob]:
        """Take as soon as a job waits, at the latest after `seconds`: one round trip for both.

        The head of the list is moved onto itself: that waits without taking anything, so that there
        is no moment at which a job is in a dying worker's hands only.

        Raises:
            OutOfMemoryError: a full Redis does not let wait; nothing was there to take.
        """
        pipe = self.redis.pipeline(transaction=False)
        pipe.blmove(self.keys.waiting, self.keys.waiting, seconds, "LEFT", "LEFT")
        pipe.execute_command(  # type: ignore[no-untyped-call]
            "EVALSHA",
            self._drain.sha,
            len(self._drain_keys),
            *self._drain_keys,
            *self._drain_arguments(most, self.group),
        )
        waited, taken = pipe.execute(raise_on_error=False)
        if isinstance(taken, NoScriptError):
            return self.take(most)
        if isinstance(taken, RedisError):
            raise taken
        if isinstance(waited, RedisError) and not taken:
            raise waited
        return self._jobs(taken)

    @property
    def _drain_keys(self) -> list[str]:
        return [
            self.keys.waiting,
            self.keys.started,
            self.keys.leases,
            SUSPENDED,
            self.keys.missing_jobs,
        ]

    def _drain_arguments(self, most: int, group: int) -> list[str | float]:
        return [JOB_PREFIX, self.lease, self.lease_seconds, most, _MOST_BYTES, group]

    def _jobs(self, values: Any) -> list[TakenJob]:  # noqa: ANN401 -- as Redis answers
        each = iter(values)
        return [
            TakenJob(
                self._name(job_id),
                data,
                _count(deaths) if deaths else 0,
                _count(retries) if retries else 0,
                hash_kind,
            )
            for job_id, data, deaths, retries, hash_kind in zip(*[each] * _FIELDS, strict=True)
        ]

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
        settled: Sequence[str],
        *,
        dead: int = 0,
        retries: Sequence[tuple[str, float, int]] = (),
    ) -> int:
        """Let go of a committed batch; safe to repeat.

        Args:
            worker_key: the hash in which RQ counts this worker's jobs.
            settled: ids of jobs that are done with.
            dead: how many of these are now dead letters.
            retries: ids of jobs to try again, with the seconds until then, and how often they will
                have been put off by that.

        Returns:
            How many of these jobs were no longer this worker's.
        """
        put_off = [v for job_id, delay, n in retries for v in (self._key(job_id), delay, n)]
        arguments: list[str | bytes | float] = [
            JOB_PREFIX,
            self.lease,
            len(settled) - dead,
            dead,
            len(settled),
            *map(self._key, settled),
            *put_off,
        ]
        keys = [self.keys.started, self.keys.scheduled, worker_key]
        lost = cast("int", self._acknowledge(keys, arguments))
        for job_id in self._raw.keys() & {*settled, *(retry[0] for retry in retries)}:
            del self._raw[job_id]
        return lost

    def _key(self, job_id: str) -> str | bytes:
        return self._raw.get(job_id, job_id)

    def release(self) -> int:
        """Put whatever this worker holds back on the queue; nobody's attempt is burnt."""
        return cast("int", self._requeue(self._flight_keys, [JOB_PREFIX, self.lease]))

    def start_over(self) -> None:
        """After a `take` whose answer was lost: give back what it may have taken.

        The take may also be on its way to Redis still. Then it falls to the old lease, which nobody
        renews any more, and comes back when that runs out.
        """
        self.release()
        self.lease = _token()

    def promote(self) -> int:
        """Put jobs on the queue whose retry is due; returns how many."""
        keys = [self.keys.waiting, self.keys.scheduled]
        return cast("int", self._promote(keys, [JOB_PREFIX]))

    def redeliver(self) -> int:
        """Put back on the queue what dead workers held; returns how many jobs."""
        return cast("int", self._requeue(self._flight_keys, [JOB_PREFIX, ""]))

    def renew_lease(self) -> None:
        """Say that this worker lives."""
        self._renew([self.keys.leases], [self.lease, self.lease_seconds])

    def end_lease(self) -> None:
        """Say that this worker is done: it holds nothing any more."""
        self.redis.zrem(self.keys.leases, self.lease)

    @property
    def _flight_keys(self) -> list[str]:
        return [self.keys.waiting, self.keys.started, self.keys.leases, self.keys.missing_jobs]


def _token() -> str:
    return f"signoff-{secrets.token_hex(8)}"


def _script(redis: Redis, name: str) -> Script:
    return redis.register_script(files("signoff_queue").joinpath(f"{name}.lua").read_text("utf-8"))


def text_of(job_id: bytes) -> str:
    """A job's id as text, whatever bytes it is made of."""
    return job_id.decode("utf-8", "backslashreplace")


def _count(value: bytes) -> int:
    """A counter from a job's hash; a garbled one counts as none, an absurd one as a great many."""
    try:
        return min(max(0, int(value)), _MOST_COUNTED)
    except ValueError:
        return 0
