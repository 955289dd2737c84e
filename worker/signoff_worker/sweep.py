"""Sweep RQ's failed jobs into the dead letters, where nothing expires.

RQ keeps there what its own workers could not do, and what died in their hands.
"""

import logging
from collections.abc import Callable
from typing import Final, cast

import redis
from rq.defaults import RQ_KEY_PREFIX
from rq.job import Job
from rq.serializers import JSONSerializer

from signoff_db.apply import apply
from signoff_db.connection import BatchConnection, DatabaseUnavailableError
from signoff_db.delivery import Delivery, Failure
from signoff_schemas import FailureKind
from signoff_schemas.keys import JOB_PREFIX
from signoff_worker.queue import BatchQueue

log = logging.getLogger("signoff.worker")

_AT_A_TIME: Final = 100


def sweep_failed(queue: BatchQueue, connected: Callable[[], BatchConnection]) -> int:
    """Write some of the queue's failed jobs into the dead letters, then forget them in Redis.

    Dying in between repeats it, to the same effect: the same bytes of a job are one dead letter.

    Returns:
        How many were swept; none while Postgres is away.
    """
    failed = cast("list[bytes]", queue.redis.zrange(queue.keys.failed, 0, _AT_A_TIME - 1))
    if not failed:
        return 0
    ids = [job_id.decode("utf-8", "backslashreplace") for job_id in failed]
    found = [(job_id, _data(queue.redis, job_id)) for job_id in ids]
    deliveries = [
        Delivery.of_job(job_id, data, failure=_given_up(queue.redis, job_id))
        for job_id, data in found
        if data is not None
    ]
    try:
        apply(connected(), deliveries)
    except DatabaseUnavailableError as error:
        log.warning("failed jobs of RQ stay where they are, Postgres is away: %s", error)
        return 0
    _forget(queue, ids)
    return len(deliveries)


def _data(client: redis.Redis, job_id: str) -> bytes | None:
    try:
        return cast("bytes | None", client.hget(JOB_PREFIX + job_id, "data"))
    except redis.ResponseError:
        return b""


def _given_up(client: redis.Redis, job_id: str) -> Failure:
    reason = _reason(client, job_id)
    return Failure(
        FailureKind.ABANDONED,
        f"RQ gave this job up: {reason}",
        "RQ gave this job up",
        "rq",
    )


def _reason(client: redis.Redis, job_id: str) -> str:
    """The last line of what RQ noted; a garbled job has no reason that could be read."""
    try:
        result = Job.fetch(job_id, connection=client, serializer=JSONSerializer).latest_result()
        lines = (result.exc_string or "").strip().splitlines() if result else []
    except redis.ConnectionError:
        raise
    except Exception as error:  # noqa: BLE001 -- RQ raises whatever a garbled field makes it raise
        return f"its hash is garbled ({type(error).__name__})"
    return lines[-1] if lines else "no reason was noted"


def _forget(queue: BatchQueue, ids: list[str]) -> None:
    with queue.redis.pipeline() as pipe:
        for job_id in ids:
            pipe.zrem(queue.keys.failed, job_id)
            pipe.unlink(JOB_PREFIX + job_id, f"{RQ_KEY_PREFIX}:results:{job_id}")
        pipe.execute()
