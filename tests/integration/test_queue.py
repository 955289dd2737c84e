"""The worker's side of the queue: taking, acknowledging, giving back; against a real server."""

import hashlib
import json
from typing import Any

import pytest
import redis
from approvals import approval
from processes import DEADLINE
from redis.client import PubSub
from rq import Queue
from rq.job import Dependency
from rq.serializers import JSONSerializer

from signoff_producer import Producer
from signoff_queue.batch_queue import BatchQueue, Oversize
from signoff_queue.scripts import WrongTypeError
from signoff_schemas import MAX_JOB_BYTES
from signoff_schemas.keys import JOB_PREFIX, QueueKeys

KEYS = QueueKeys("approvals")
WORKER = "rq:worker:test"


@pytest.fixture
def queue(client: redis.Redis) -> BatchQueue:
    """A worker's queue whose lease lasts long."""
    return BatchQueue(client, "approvals", lease_seconds=600)


def publish(client: redis.Redis, count: int) -> list[str]:
    """Publish so many events; returns their ids in order."""
    events = [approval(n) for n in range(count)]
    assert all(r.ok for r in Producer(connection=client).publish_many(events))
    return [str(event.event_id) for event in events]


def dead_worker(client: redis.Redis) -> BatchQueue:
    """A worker's queue whose lease runs out at once."""
    return BatchQueue(client, "approvals", lease_seconds=-1)


def test_a_batch_is_taken_in_order_and_into_the_started_registry(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """Taking moves jobs from the list into RQ's registry, in one step and up to a number."""
    ids = publish(client, 5)
    assert [job.id for job in queue.take(3)] == ids[:3]
    assert client.lrange(KEYS.waiting, 0, -1) == [i.encode() for i in ids[3:]]
    assert client.zcard(KEYS.started) == 3


def test_an_acknowledgement_tells_whether_verdicts_are_awaited(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """The worker has to know before it applies the next event."""
    ids = publish(client, 2)
    queue.take(2)
    with client.pubsub() as waiting:  # type: ignore[no-untyped-call]
        waiting.subscribe(KEYS.settled)
        assert waiting.get_message(timeout=DEADLINE)
        queue.acknowledge(WORKER, ids[:1])
        assert queue.is_awaited
        waiting.unsubscribe()
        assert waiting.get_message(timeout=DEADLINE)  # the notice
        assert waiting.get_message(timeout=DEADLINE)
    queue.acknowledge(WORKER, ids[1:])
    assert not queue.is_awaited


def test_an_acknowledged_batch_leaves_nothing_behind(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """Once a batch is settled, its jobs are deleted from Redis, and counted in RQ's counters."""
    ids = publish(client, 3)
    client.hset(WORKER, "state", "busy")
    queue.take(3)
    assert queue.acknowledge(WORKER, ids[:2], dead=ids[2:]) == 0
    assert queue.acknowledge(WORKER, ids[:2], dead=ids[2:]) == 3
    queue.end_lease()
    assert sorted(client.keys("rq:*")) == [b"rq:queues", WORKER.encode()]
    assert client.hmget(WORKER, "successful_job_count", "failed_job_count") == [b"2", b"1"]


def test_a_retry_waits_in_rqs_scheduled_registry_until_it_is_due(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """A put-off job comes back on the queue when its time has come, and knows its retries."""
    soon, later = publish(client, 2)
    queue.take(2)
    queue.acknowledge(WORKER, [], retries=[(soon, -1.0, 1), (later, 600.0, 1)])
    assert client.hget(JOB_PREFIX + soon, "status") == b"scheduled"
    assert queue.promote() == 1
    (job,) = queue.take(10)
    assert (job.id, job.retries, job.deaths) == (soon, 1, 0)
    assert client.zrange(KEYS.scheduled, 0, -1) == [later.encode()]


def test_a_dead_workers_batch_goes_back_to_the_head(client: redis.Redis, queue: BatchQueue) -> None:
    """When a lease runs out, its jobs are first in line again, and each knows of the death."""
    ids = publish(client, 3)
    dead_worker(client).take(2)
    assert queue.redeliver() == 2
    first, second, third = client.lrange(KEYS.waiting, 0, -1)
    assert ({first, second}, third) == ({i.encode() for i in ids[:2]}, ids[2].encode())
    assert client.hget(JOB_PREFIX + ids[0], "signoff_deaths") == b"1"
    assert queue.redeliver() == 0


def test_a_live_workers_batch_stays_where_it_is(client: redis.Redis, queue: BatchQueue) -> None:
    """A lease that is renewed keeps its batch, however long it takes."""
    publish(client, 2)
    queue.take(2)
    queue.renew_lease()
    assert BatchQueue(client, "approvals", lease_seconds=600).redeliver() == 0
    assert client.zcard(KEYS.started) == 2


def test_what_came_back_once_is_taken_in_small_groups(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """Most of what a dead worker held is harmless: it goes on in groups, none with fresh jobs."""
    publish(client, 5)
    dead_worker(client).take(5)
    publish(client, 2)
    queue.redeliver()
    queue.group = 3
    assert [len(queue.take(10)) for _ in range(4)] == [3, 2, 2, 0]


def test_what_came_back_twice_is_taken_alone(client: redis.Redis, queue: BatchQueue) -> None:
    """A job that may have killed its group cannot take its neighbours with it a third time."""
    publish(client, 5)
    for _ in range(2):
        doomed = dead_worker(client)
        doomed.group = 3
        doomed.take(5)
        queue.redeliver()
    queue.group = 3
    assert [len(queue.take(10)) for _ in range(5)] == [1, 1, 1, 2, 0]


def test_nothing_that_came_back_is_taken_beside_other_jobs(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """A worker that has jobs in hand, which may kill it, can leave suspects where they are."""
    fresh, once, twice = publish(client, 3)
    client.hset(JOB_PREFIX + once, "signoff_deaths", 1)
    client.hset(JOB_PREFIX + twice, "signoff_deaths", 2)
    assert [job.id for job in queue.take(10, suspects=False)] == [fresh]
    assert queue.take(10, suspects=False) == []
    queue.take(1)
    assert queue.take(10, suspects=False) == []
    assert [job.id for job in queue.take(10)] == [twice]


def test_a_fresh_batch_ends_before_one_that_came_back(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """Fresh jobs in front of a suspect are taken without it."""
    ids = publish(client, 3)
    client.hset(JOB_PREFIX + ids[2], "signoff_deaths", 1)
    assert [len(queue.take(10)) for _ in range(2)] == [2, 1]


def test_a_worker_that_lost_its_lease_cannot_acknowledge(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """Standing still for too long, it must not delete what another worker has in hand now."""
    ids = publish(client, 2)
    slow = dead_worker(client)
    slow.take(2)
    queue.redeliver()
    (taken,) = queue.take(10)
    assert slow.acknowledge(WORKER, ids) == 2
    assert client.exists(JOB_PREFIX + taken.id) == 1
    assert client.zcard(KEYS.started) == 1


def test_release_gives_back_without_blame(client: redis.Redis, queue: BatchQueue) -> None:
    """What a worker returns of its own will is no death."""
    ids = publish(client, 2)
    queue.take(2)
    assert queue.release() == 2
    assert sorted(job.id for job in queue.take(10)) == sorted(ids)
    assert client.hget(JOB_PREFIX + ids[0], "signoff_deaths") is None


def test_a_take_that_was_still_on_its_way_comes_back(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """Starting over after a lost answer, a worker never blocks what the lost take may yet take."""
    publish(client, 2)
    late = queue.lease
    queue.start_over()
    assert queue.lease != late
    straggler = dead_worker(client)
    straggler.lease = late
    straggler.take(2)
    queue.renew_lease()
    assert queue.redeliver() == 2


def test_orphaned_entries_of_an_unknown_lease_come_back(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """Jobs in flight without a lease are requeued."""
    publish(client, 2)
    dead_worker(client).take(2)
    client.delete(KEYS.leases)
    assert queue.redeliver() == 2


def test_garbled_jobs_are_taken_and_told_apart(client: redis.Redis, queue: BatchQueue) -> None:
    """A missing hash is dropped and counted; one without data or of another type is kept."""
    client.rpush(KEYS.waiting, "gone", "bare", "string", b"\xff\xfe")
    client.hset(JOB_PREFIX + "bare", "origin", "approvals")
    client.set(JOB_PREFIX + "string", "x")
    (good,) = publish(client, 1)
    jobs = queue.take(10)
    assert [(job.id, job.hash) for job in jobs] == [
        ("gone", 0),
        ("bare", -1),
        ("string", -2),
        ("\\xff\\xfe", 0),
        (good, 1),
    ]
    assert client.smembers(KEYS.missing_jobs) == {b"gone", b"\xff\xfe"}
    assert client.zcard(KEYS.started) == 3


def test_garbled_counters_count_as_none(client: redis.Redis, queue: BatchQueue) -> None:
    """Nonsense in a counter does not stop the worker."""
    (job_id,) = publish(client, 1)
    client.hset(JOB_PREFIX + job_id, mapping={"number_of_retries": "many", "signoff_deaths": "x"})
    (job,) = queue.take(10)
    assert (job.retries, job.deaths) == (0, 0)


def test_large_payloads_come_in_small_batches(client: redis.Redis, queue: BatchQueue) -> None:
    """A batch is bounded in bytes as well, so that a flood of large payloads fits into memory."""
    for n in range(60):
        client.hset(JOB_PREFIX + str(n), "data", b"x" * MAX_JOB_BYTES)
        client.rpush(KEYS.waiting, n)
    assert [len(queue.take(100)) for _ in range(3)] == [32, 28, 0]


def test_of_data_that_is_too_large_only_a_description_comes(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """Its beginning, size and hash; the rest never leaves Redis, where it stays once settled."""
    data = b"x" * MAX_JOB_BYTES + b"y"
    client.hset(JOB_PREFIX + "large", mapping={"data": data, "signoff_deaths": 1})
    client.rpush(KEYS.waiting, "large")
    (job,) = queue.take(10)
    assert job.oversize == Oversize(len(data), hashlib.sha1(data).hexdigest())  # noqa: S324 -- Redis's
    assert (job.id, job.data, job.deaths, job.hash) == ("large", data[:4096], 1, -3)
    assert queue.acknowledge(WORKER, [], kept=["large"]) == 0
    assert client.smembers(KEYS.oversized) == {b"rq:job:large"}
    assert client.hstrlen(JOB_PREFIX + "large", "data") == len(data)
    assert (client.zcard(KEYS.started), client.llen(KEYS.waiting)) == (0, 0)


def test_data_that_is_too_large_comes_in_small_batches(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """What Redis copies and hashes counts, though it never leaves Redis."""
    for n in range(6):
        client.hset(JOB_PREFIX + str(n), "data", b"x" * 3_000_000)
        client.rpush(KEYS.waiting, n)
    assert [len(queue.take(100)) for _ in range(3)] == [3, 3, 0]


def test_data_that_is_far_too_large_does_not_hold_up_redis(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """Copying and hashing it would: only its size is looked at."""
    client.hset(JOB_PREFIX + "vast", "data", b"x" * 70_000_000)
    client.rpush(KEYS.waiting, "vast")
    (job,) = queue.take(10)
    assert (job.data, job.oversize) == (b"", Oversize(70_000_000, None))


def test_an_id_that_is_far_too_long_does_not_hold_up_redis(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """Only its size is looked at, and its beginning."""
    client.rpush(KEYS.waiting, b"i" * 70_000_000)
    (job,) = queue.take(10)
    assert (job.id, job.oversize) == ("i" * 512, Oversize(70_000_000, None))


def test_a_job_with_a_long_id_is_left_to_the_sweep(client: redis.Redis, queue: BatchQueue) -> None:
    """Its id never comes whole, nor is it in the way of others; no tool of RQ expires it."""
    long = b"i" * 3_000_000
    client.hset(b"rq:job:" + long, "data", b"{}")
    client.rpush(KEYS.waiting, long, "short")
    client.hset(JOB_PREFIX + "short", "data", b"{}")
    first, second = queue.take(10)
    assert first.oversize == Oversize(len(long), hashlib.sha1(long).hexdigest())  # noqa: S324
    assert (first.id, first.data, first.hash) == ("i" * 512, None, -4)
    assert (second.id, second.oversize) == ("short", None)
    assert client.zrange(KEYS.failed, 0, -1, withscores=True) == [(long, float("inf"))]
    assert client.zrange(KEYS.started, 0, -1) == [f"short:{queue.lease}".encode()]


def test_many_long_ids_come_in_small_batches(client: redis.Redis, queue: BatchQueue) -> None:
    """They count into a batch's bytes as data does."""
    client.rpush(KEYS.waiting, *(b"%07d" % n * 100_000 for n in range(30)))
    assert [len(queue.take(1000)) for _ in range(4)] == [12, 12, 6, 0]


def test_ids_that_nobody_acknowledges_are_not_remembered(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """A flood of ids that are no text does not fill a worker's memory."""
    client.hset(b"rq:job:\xfe", "data", b"{}")
    client.rpush(KEYS.waiting, b"\xff", b"\xff" * 600, b"\xfe")
    (*_, held) = queue.take(10)
    assert queue._raw == {held.id: b"\xfe"}
    assert queue.acknowledge(WORKER, [held.id]) == 0
    assert queue._raw == {}


def test_waiting_does_not_receive_a_long_id(client: redis.Redis, queue: BatchQueue) -> None:
    """A waiting worker learns that a job waits, without receiving the job's id."""
    server_sent = int(client.info("stats")["total_net_output_bytes"])
    client.rpush(KEYS.waiting, b"i" * 3_000_000)
    (job,) = queue.await_and_take(10, 60)
    assert job.hash == -4
    assert int(client.info("stats")["total_net_output_bytes"]) - server_sent < 100_000


@pytest.mark.parametrize("deaths", [b"999", b"1000", b"1000000", b"9" * 400, b"9" * 5_000_000])
def test_counters_are_bounded(client: redis.Redis, queue: BatchQueue, deaths: bytes) -> None:
    """However large they are in Redis, they are small here, and stay so when one is added."""
    (job_id,) = publish(client, 1)
    client.hset(JOB_PREFIX + job_id, "number_of_retries", "123456")
    client.hset(JOB_PREFIX + job_id, "signoff_deaths", deaths)
    doomed = dead_worker(client)
    (job,) = doomed.take(1)
    assert (job.retries, job.deaths) == (1000, min(int(deaths[:5]), 1000))
    assert queue.redeliver() == 1
    assert client.hget(JOB_PREFIX + job_id, "signoff_deaths") == b"1000"


@pytest.mark.parametrize(
    "value", ["x", "-1", "1.5", "1e9", "0x10", "nan", "inf", " 5", "", b"\xff"]
)
def test_what_is_no_number_counts_as_none(
    client: redis.Redis, queue: BatchQueue, value: str | bytes
) -> None:
    """Nor does it make a fresh job one that came back."""
    (job_id,) = publish(client, 1)
    client.hset(JOB_PREFIX + job_id, mapping={"number_of_retries": value, "signoff_deaths": value})
    (job,) = queue.take(10, suspects=False)
    assert (job.retries, job.deaths) == (0, 0)


@pytest.mark.parametrize("name", ["waiting", "started", "leases", "failed"])
def test_a_key_of_another_type_is_named_before_anything_is_taken(
    client: redis.Redis, queue: BatchQueue, name: str
) -> None:
    """Redis does not undo a script that fails half way, so the ids would be lost."""
    key = getattr(KEYS, name)
    publish(client, 2)
    before = client.dump(KEYS.waiting)
    client.set(key, "x")
    named = f"^{key} holds a string and should hold a "
    with pytest.raises(WrongTypeError, match=named):
        queue.take(10)
    with pytest.raises(WrongTypeError, match=named):
        queue.await_and_take(10, 60)
    client.delete(key)
    if name == "waiting":
        client.restore(KEYS.waiting, 0, before or b"")
    assert len(queue.take(10)) == 2


def test_a_batch_is_not_acknowledged_half(client: redis.Redis, queue: BatchQueue) -> None:
    """Where the retries have no place, the settled jobs stay in hand as well."""
    settled, put_off = publish(client, 2)
    queue.take(2)
    client.set(KEYS.scheduled, "x")
    with pytest.raises(WrongTypeError, match=KEYS.scheduled):
        queue.acknowledge(WORKER, [settled], retries=[(put_off, 1.0, 1)])
    assert client.zcard(KEYS.started) == 2
    with pytest.raises(WrongTypeError, match=KEYS.scheduled):
        queue.promote()


def test_a_batch_is_not_requeued_half(client: redis.Redis, queue: BatchQueue) -> None:
    """Where the queue is no list, the jobs of this worker and of a dead one stay in hand."""
    publish(client, 2)
    dead_worker(client).take(1)
    queue.take(1)
    client.set(KEYS.waiting, "x")
    for requeue in (queue.release, queue.redeliver):
        with pytest.raises(WrongTypeError, match=f"^{KEYS.waiting} holds a string"):
            requeue()
    assert client.zcard(KEYS.started) == 2
    client.delete(KEYS.waiting)
    assert (queue.release(), queue.redeliver()) == (1, 1)


def test_leases_of_another_type_are_named(client: redis.Redis, queue: BatchQueue) -> None:
    """A worker that renews its lease learns which key is at fault."""
    client.set(KEYS.leases, "x")
    with pytest.raises(WrongTypeError, match=f"^{KEYS.leases} holds a string"):
        queue.renew_lease()


def test_rqs_counters_do_not_keep_a_batch(client: redis.Redis, queue: BatchQueue) -> None:
    """Whatever a worker's own key holds, its batch is acknowledged."""
    ids = publish(client, 2)
    queue.take(2)
    client.set(WORKER, "x")
    assert queue.acknowledge(WORKER, ids) == 0
    assert client.zcard(KEYS.started) == 0


def test_the_set_of_missing_jobs_only_notes(client: redis.Redis, queue: BatchQueue) -> None:
    """Of another type or full, it keeps nobody from the queue."""
    client.set(KEYS.missing_jobs, "x")
    client.rpush(KEYS.waiting, "gone")
    assert [job.hash for job in queue.take(10)] == [0]
    client.delete(KEYS.missing_jobs)
    client.sadd(KEYS.missing_jobs, *range(100_000))
    client.rpush(KEYS.waiting, "gone")
    assert [job.hash for job in queue.take(10)] == [0]
    assert client.scard(KEYS.missing_jobs) == 100_000


def test_nothing_is_taken_while_workers_are_suspended(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """`rq suspend` holds this worker too."""
    publish(client, 1)
    client.set("rq:suspended", 1)
    assert queue.take(10) == []
    client.delete("rq:suspended")
    assert len(queue.take(10)) == 1


def test_waiting_takes_what_is_there_in_order(client: redis.Redis, queue: BatchQueue) -> None:
    """Who waits while jobs are there has them at once; the next is left with the rest."""
    ids = publish(client, 3)
    assert [job.id for job in queue.await_and_take(2, 60)] == ids[:2]
    assert [job.id for job in queue.await_and_take(2, 60)] == ids[2:]


def test_waiting_for_nothing_ends(client: redis.Redis, queue: BatchQueue) -> None:
    """Who waits in vain gets nothing, and holds nothing."""
    assert queue.await_and_take(10, 1) == []
    assert client.zcard(KEYS.started) == 0


def test_waiting_goes_on_after_redis_forgot_the_scripts(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """A Redis that was restarted knows no script; what it holds is taken all the same."""
    ids = publish(client, 2)
    client.script_flush()
    assert [job.id for job in queue.await_and_take(10, 60)] == ids


def test_a_batch_of_thousands_fits_the_script(client: redis.Redis, queue: BatchQueue) -> None:
    """The largest batch that can be set is taken and acknowledged whole."""
    ids = publish(client, 5000)
    jobs = queue.take(5000)
    assert [job.id for job in jobs] == ids
    assert queue.acknowledge(WORKER, ids) == 0
    assert client.keys("rq:job:*") == []


def test_what_is_on_the_queue_is_the_published_contract(client: redis.Redis) -> None:
    """The data of a job is the documented JSON, which any language may write."""
    (job_id,) = publish(client, 1)
    data = client.hget(JOB_PREFIX + job_id, "data")
    function, instance, arguments, keywords = json.loads(data or "")
    assert (function, instance, keywords) == ("signoff_worker.jobs.apply_approval", None, {})
    assert arguments[0]["event_id"] == job_id


# RQ jobs that wait for an approval


def after(client: redis.Redis, *job_ids: str, **options: Any) -> Any:
    """An RQ job of another queue that depends on these."""
    mails = Queue("mails", connection=client, serializer=JSONSerializer)
    return mails.enqueue("mail.send", depends_on=Dependency(list(job_ids), **options))


def enqueued(client: redis.Redis) -> list[str]:
    """What waits on the other queue."""
    return Queue("mails", connection=client, serializer=JSONSerializer).job_ids


def test_a_job_that_depends_on_an_approval_is_enqueued(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """As RQ does, when all its dependencies are finished; a deleted approval counts as finished."""
    first, second, other = publish(client, 3)
    mail, both = after(client, first), after(client, first, second)
    queue.take(3)
    assert queue.acknowledge(WORKER, [first]) == 0
    assert enqueued(client) == [mail.id]
    assert client.hget(JOB_PREFIX + mail.id, "status") == b"queued"
    assert client.zrange("rq:deferred:mails", 0, -1) == [both.id.encode()]
    assert queue.acknowledge(WORKER, [second, other]) == 0
    assert enqueued(client) == [mail.id, both.id]
    assert client.keys("rq:job:*:dependents") == []
    late = after(client, first)
    assert enqueued(client)[-1] == late.id


def test_a_job_that_depends_on_a_dead_letter_waits_unless_it_does_not_mind(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """As RQ has it of failed jobs."""
    (job_id,) = publish(client, 1)
    after(client, job_id)
    tolerant = after(client, job_id, allow_failure=True, enqueue_at_front=True)
    queue.take(1)
    assert queue.acknowledge(WORKER, [], dead=[job_id]) == 0
    assert enqueued(client) == [tolerant.id]


def test_dependents_may_be_anything(client: redis.Redis, queue: BatchQueue) -> None:
    """What is no deferred job is left alone; the batch is acknowledged all the same."""
    ids = publish(client, 3)
    client.sadd(f"{JOB_PREFIX}{ids[0]}:dependents", "gone", "string", b"\xff", ids[1])
    client.set(JOB_PREFIX + "string", "x")
    client.set(f"{JOB_PREFIX}{ids[1]}:dependents", "x")
    client.sadd(f"{JOB_PREFIX}{ids[2]}:dependents", "hostile")
    hostile = {"status": "deferred", "origin": b"\x00\xff"}
    client.hset(JOB_PREFIX + "hostile", mapping=dict[Any, Any](hostile))
    client.set(f"{JOB_PREFIX}:hostile:dependencies", "x")
    client.set(b"rq:queue:\x00\xff", "x")
    queue.take(3)
    assert queue.acknowledge(WORKER, ids) == 0
    assert client.zcard(KEYS.started) == 0


def test_settled_jobs_are_told_where_anybody_listens(
    client: redis.Redis, queue: BatchQueue
) -> None:
    """Their ids are published; without a listener nothing is."""
    first, good, dead, later = publish(client, 4)
    queue.take(4)
    client.config_resetstat()
    queue.acknowledge(WORKER, [first])
    assert "cmdstat_publish" not in client.info("commandstats")
    with PubSub(client.connection_pool, ignore_subscribe_messages=True) as listener:
        listener.subscribe(KEYS.settled)
        listener.get_message(timeout=DEADLINE)
        queue.acknowledge(WORKER, [good], dead=[dead], retries=[(later, 1.0, 1)])
        message = listener.get_message(timeout=DEADLINE)
    assert message
    assert message["data"].decode().split() == [good, dead]


def test_a_worker_that_may_not_publish_acknowledges(client: redis.Redis, redis_url: str) -> None:
    """Whoever waits for its jobs looks for them later."""
    (job_id,) = publish(client, 1)
    rights = ("on", "nopass", "~*", "+@all", "-publish", "-pubsub")
    client.execute_command("ACL", "SETUSER", "mute", *rights)  # type: ignore[no-untyped-call]
    try:
        with redis.Redis.from_url(redis_url, username="mute", password="any") as mute:
            queue = BatchQueue(mute, "approvals", lease_seconds=600)
            queue.take(1)
            assert queue.acknowledge(WORKER, [job_id]) == 0
    finally:
        client.acl_deluser("mute")
    assert client.exists(JOB_PREFIX + job_id) == 0
