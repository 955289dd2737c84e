"""Leases that expire, and jobs that disappear meanwhile."""

import redis
from approvals import approval

from signoff_producer import Producer
from signoff_queue.batch_queue import BatchQueue
from signoff_schemas.keys import JOB_PREFIX, QueueKeys

KEYS = QueueKeys("approvals")


def a_worker(client: redis.Redis, *, lease_seconds: float = 600) -> BatchQueue:
    """A worker's queue."""
    return BatchQueue(client, "approvals", lease_seconds=lease_seconds)


def publish(client: redis.Redis, count: int) -> list[str]:
    """Publish some events; returns their ids in order."""
    events = [approval(n) for n in range(count)]
    assert all(r.ok for r in Producer(connection=client).publish_many(events))
    return [str(event.event_id) for event in events]


def test_an_expired_lease_is_not_renewed(client: redis.Redis) -> None:
    """Other workers have its jobs: a worker that was paused holds none."""
    publish(client, 2)
    late = a_worker(client, lease_seconds=-1)
    late.take(2)
    assert a_worker(client).redeliver() == 2

    late.lease_seconds = 600
    late.renew_lease()

    assert client.zscore(KEYS.leases, late.lease) is None


def test_a_lease_is_renewed_while_it_lasts(client: redis.Redis) -> None:
    """Its time counts from the renewal, not from when the batch was taken."""
    publish(client, 1)
    worker = a_worker(client)
    worker.take(1)
    taken = client.zscore(KEYS.leases, worker.lease)

    worker.lease_seconds = 6000
    worker.renew_lease()

    renewed = client.zscore(KEYS.leases, worker.lease)
    assert taken is not None
    assert renewed is not None
    assert renewed > taken + 1000


def test_a_job_that_is_deleted_in_flight_is_named(client: redis.Redis) -> None:
    """Its worker died, and its hash was deleted: it is not requeued, and the account names it."""
    kept, gone = publish(client, 2)
    a_worker(client, lease_seconds=-1).take(2)
    client.delete(JOB_PREFIX + gone)

    assert a_worker(client).redeliver() == 1

    assert client.lrange(KEYS.waiting, 0, -1) == [kept.encode()]
    assert client.smembers(KEYS.missing_jobs) == {gone.encode()}
    assert client.zcard(KEYS.started) == 0


def test_a_worker_that_lost_its_lease_schedules_no_retries(client: redis.Redis) -> None:
    """Another worker has these jobs now, or they are settled already."""
    (event,) = publish(client, 1)
    late = a_worker(client, lease_seconds=-1)
    late.take(1)
    other = a_worker(client)
    other.redeliver()
    assert [job.id for job in other.take(1)] == [event]

    assert late.acknowledge("rq:worker:late", [], retries=[(event, 5.0, 1)]) == 1

    assert client.zcard(KEYS.scheduled) == 0
    assert client.hget(JOB_PREFIX + event, "number_of_retries") is None
    assert other.acknowledge("rq:worker:other", [event]) == 0
