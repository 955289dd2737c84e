"""Sweep RQ's failed jobs into the dead letters, where nothing expires.

RQ keeps there what its own workers could not do, and what died in their hands.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

import redis
from rq.results import Result
from rq.serializers import JSONSerializer

from signoff_db.apply import apply
from signoff_db.connection import BatchConnection, DatabaseUnavailableError
from signoff_db.delivery import Job, Reading
from signoff_db.failure import Failure
from signoff_queue.batch_queue import BatchQueue, text_of
from signoff_schemas import FailureKind
from signoff_schemas.keys import JOB_PREFIX, RESULTS_PREFIX

log = logging.getLogger("signoff.worker")

_AT_A_TIME: Final = 100
_JOB: Final = JOB_PREFIX.encode()
_RESULTS: Final = RESULTS_PREFIX.encode()


def sweep_failed(queue: BatchQueue, connected: Callable[[], BatchConnection]) -> int:
    """Write some of the queue's failed jobs into the dead letters, then forget them in Redis.

    Dying in between repeats it, to the same effect: the same bytes of a job are one dead letter.

    Returns:
        How many were swept; none while Postgres is away.
    """
    failed = cast("list[bytes]", queue.redis.zrange(queue.keys.failed, 0, _AT_A_TIME - 1))
    if not failed:
        return 0
    jobs = [
        Job(job_id, data, failure=_given_up(reason))
        for job_id, data, reason in _noted(queue.redis, failed)
    ]
    deliveries = Reading(jobs).deliveries()
    try:
        apply(connected(), deliveries)
    except DatabaseUnavailableError as error:
        log.warning("failed jobs of RQ stay where they are, Postgres is away: %s", error)
        return 0
    _forget(queue, failed)
    return len(deliveries)


def _noted(client: redis.Redis, ids: list[bytes]) -> Iterator[tuple[str, bytes, str]]:
    """Each failed job that is still there: its id, its data, and why RQ gave it up."""
    with client.pipeline(transaction=False) as pipe:
        for job_id in ids:
            pipe.exists(_JOB + job_id)
            pipe.hget(_JOB + job_id, "data")
            pipe.xrevrange(_RESULTS + job_id, count=1)
        answers = iter(pipe.execute(raise_on_error=False))
    for job_id, exists, data, results in zip(ids, answers, answers, answers, strict=False):
        if isinstance(data, redis.ResponseError):
            yield text_of(job_id), b"", "its key holds no hash"
        elif exists:
            yield text_of(job_id), data or b"", _reason(client, text_of(job_id), results)


def _given_up(reason: str) -> Failure:
    return Failure(
        FailureKind.ABANDONED,
        f"RQ gave this job up: {reason}",
        "RQ gave this job up",
        "rq",
    )


def _reason(client: redis.Redis, job_id: str, results: Any) -> str:  # noqa: ANN401 -- RQ's own
    """The last line of what RQ noted."""
    try:
        ((result_id, payload),) = results
        noted = Result.restore(job_id, result_id.decode(), payload, client, JSONSerializer)
        return (noted.exc_string or "").strip().splitlines()[-1]
    except Exception:  # noqa: BLE001 -- RQ raises whatever a missing or garbled field makes it raise
        return "no reason was noted"


def _forget(queue: BatchQueue, ids: list[bytes]) -> None:
    """The registry last, and without MULTI, which a full Redis takes none of.

    What is left of a job when this ends midway is forgotten by the next sweep.
    """
    with queue.redis.pipeline(transaction=False) as pipe:
        for job_id in ids:
            pipe.unlink(_JOB + job_id, _RESULTS + job_id)
            pipe.zrem(queue.keys.failed, job_id)
        pipe.execute()
