"""Leases that expire, and jobs that disappear meanwhile."""

import redis
from approvals import approval

from signoff_producer import Producer
from signoff_queue.batch_queue import BatchQueue
from signoff_queue.scripts import Script
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


def test_jobs_in_flight_are_looked_at_in_pages(client: redis.Redis) -> None:
    """However many there are, no call holds up Redis for long; all of a dead worker's come back."""
    ids = publish(client, 4000)
    dead = a_worker(client, lease_seconds=-1)
    live = a_worker(client)
    assert (len(dead.take(2500)), len(live.take(1500))) == (2500, 1500)
    keys = [KEYS.waiting, KEYS.started, KEYS.leases, KEYS.missing_jobs]

    following, back = Script(client, "requeue")(keys, [JOB_PREFIX, "", 0, 100, "approvals"])

    assert following != b"0"
    assert 0 < back < 1000
    assert back + a_worker(client).redeliver() == 2500
    assert sorted(client.lrange(KEYS.waiting, 0, -1)) == sorted(i.encode() for i in ids[:2500])
    assert client.zcard(KEYS.started) == 1500
    assert live.release() == 1500
    assert client.zcard(KEYS.started) == 0


def test_an_entry_of_no_lease_does_not_stay_for_ever(client: redis.Redis) -> None:
    """Its job is put on the queue; where there is none, the id is noted; another queue's stays."""
    ids = publish(client, 2)
    client.delete(KEYS.waiting)
    client.hset(JOB_PREFIX + "mail", "origin", "mails")
    entries = [f"{ids[0]}:execution", ids[1], "mail:x", "garbage", "gone:signoff-xyz"]
    client.zadd(KEYS.started, dict.fromkeys(entries, float("inf")))

    assert a_worker(client).release() == 0
    assert a_worker(client).redeliver() == 2

    assert client.zcard(KEYS.started) == 0
    assert sorted(client.lrange(KEYS.waiting, 0, -1)) == sorted(i.encode() for i in ids)
    assert client.hget(JOB_PREFIX + ids[0], "signoff_deaths") == b"1"
    assert client.smembers(KEYS.missing_jobs) == {b"garbage", b"gone"}
    assert client.hgetall(JOB_PREFIX + "mail") == {b"origin": b"mails"}
