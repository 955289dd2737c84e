"""A faulty queue is skipped for some time, and longer each time."""

import pytest
import redis
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    TryAgainError,
)

from signoff_schemas import Settings
from signoff_worker.health import Health
from signoff_worker.outages import is_outage
from signoff_worker.troubles import Troubles


def test_a_faulty_queue_is_tried_again_with_growing_delays() -> None:
    """The worker is not ready meanwhile, with the reason; other queues are always due."""
    now = [1000.0]
    health = Health("w", Settings(), state=lambda: "idle", stopping=lambda: False)
    health.registered()
    troubles = Troubles(health, clock=lambda: now[0])
    for _ in range(12):
        troubles.note("one", redis.ResponseError("rq:wip:one holds a string"))
        assert (troubles.is_due("one"), troubles.is_due("other")) == (False, True)
        now[0] += 30
    assert troubles.is_due("one")
    assert health.report().waits_for == "queue one: rq:wip:one holds a string"

    troubles.over("one")

    assert (bool(troubles), health.report().ready) == (False, True)


@pytest.mark.parametrize(
    "error",
    [
        redis.ConnectionError(),
        redis.TimeoutError(),
        redis.AuthenticationError(),
        BusyLoadingError(),
        ReadOnlyError(),
        OutOfMemoryError(),
        ClusterDownError(""),
        MasterDownError(""),
        TryAgainError(),
        redis.ResponseError("MISCONF Redis is configured to save RDB snapshots"),
        redis.ResponseError("NOREPLICAS Not enough good replicas to write."),
        redis.ResponseError("BUSY Redis is busy running a script."),
    ],
)
def test_an_error_that_passes_by_itself_is_an_outage(error: redis.RedisError) -> None:
    """The list of these errors is closed."""
    assert is_outage(error)


@pytest.mark.parametrize(
    "text", ["WRONGTYPE Operation against a key", "ERR unknown command", "user_script:1: x", ""]
)
def test_any_other_error_is_not_an_outage(text: str) -> None:
    """It concerns one queue, or one key."""
    assert not is_outage(redis.ResponseError(text))
