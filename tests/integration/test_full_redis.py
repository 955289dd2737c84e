"""A full Redis 7.0 refuses MULTI, also for reading, so code that must work then does not use it.

The embedded server allows it, so the commands that it received are checked instead.
"""

from contextlib import nullcontext
from typing import Any

import pytest
import redis
from approvals import approval

from signoff_db.connection import BatchConnection
from signoff_queue.failed_jobs import FailedJobs
from signoff_queue.reader import QueueReader
from signoff_schemas import encode_job
from signoff_schemas.keys import JOB_PREFIX, QueueKeys
from signoff_worker.sweep import sweep_failed

KEYS = QueueKeys("approvals")


@pytest.fixture
def client(client: redis.Redis) -> redis.Redis:
    """A client of an empty Valkey whose command statistics are reset."""
    client.config_resetstat()
    return client


def sent(client: redis.Redis) -> dict[str, Any]:
    """The commands that the server has received."""
    return dict(client.info("commandstats"))


def test_counting_a_queue_uses_no_multi(client: redis.Redis) -> None:
    """All places are counted at one moment nevertheless."""
    client.rpush(KEYS.waiting, "a", "b")
    client.zadd(KEYS.started, {"c:x": 1})

    counts = QueueReader(client, KEYS.name).counts()

    assert (counts.waiting, counts.in_flight, counts.scheduled) == (2, 1, 0)
    assert "cmdstat_multi" not in sent(client)


def test_sweeping_uses_no_multi(client: redis.Redis, connection: BatchConnection) -> None:
    """A failed job of RQ becomes a dead letter, and is deleted from Redis."""
    event = approval()
    job_id = str(event.event_id)
    client.hset(JOB_PREFIX + job_id, "data", encode_job(event.canonical_json()))
    client.zadd(KEYS.failed, {job_id: 1})

    swept = sweep_failed(FailedJobs(client, KEYS.name), lambda: nullcontext(connection))

    assert swept == 1
    assert client.keys() == []
    assert "cmdstat_multi" not in sent(client)
