"""RQ's registries are cleaned up without RQ: nothing is imported, and no callback is called."""

import random
import tracemalloc
import zlib
from base64 import b64encode
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import redis
from approvals import approval
from letters import letters_in

from signoff_db.apply import apply
from signoff_db.connection import BatchConnection
from signoff_producer import Producer
from signoff_queue.batch_queue import BatchQueue
from signoff_queue.failed_jobs import FailedJobs
from signoff_queue.scripts import WrongTypeError
from signoff_queue.upkeep import Upkeep
from signoff_schemas import MAX_JOB_BYTES, Settings, encode_job
from signoff_schemas.keys import JOB_PREFIX, RESULTS_PREFIX, QueueKeys
from signoff_worker.database import Database
from signoff_worker.reading import deliveries_of_failed
from signoff_worker.sweep import sweep_failed

KEYS = QueueKeys("approvals")
LONG_AGO = 1.0


@pytest.fixture
def upkeep(client: redis.Redis) -> Upkeep:
    """The upkeep of the queue."""
    return Upkeep(client, "approvals")


def a_job(client: redis.Redis, job_id: str = "job", **fields: Any) -> str:
    """A job's hash, on no list."""
    held: dict[Any, Any] = {"data": b"{}", "origin": "approvals", "status": "started", **fields}
    client.hset(JOB_PREFIX + job_id, mapping=held)
    return job_id


def waiting(client: redis.Redis) -> list[Any]:
    """The ids on the queue."""
    return client.lrange(KEYS.waiting, 0, -1)


# Started


def test_what_died_with_a_stock_worker_goes_back(client: redis.Redis, upkeep: Upkeep) -> None:
    """It is first in line again and one death is counted; what its hash names is not called."""
    a_job(client, failure_callback_name="os.abort", webhooks='["http://127.0.0.1:1/"]')
    client.zadd(KEYS.started, {"job:execution": LONG_AGO, "live:execution": 9e12})
    assert upkeep.run() == 1
    assert waiting(client) == [b"job"]
    assert client.hmget(JOB_PREFIX + "job", "status", "signoff_deaths") == [b"queued", b"1"]
    assert client.zrange(KEYS.started, 0, -1) == [b"live:execution"]
    assert upkeep.run() == 0


@pytest.mark.parametrize("deaths", ["999", "1000", "1000000", "9" * 400])
def test_deaths_are_counted_up_to_a_limit(client: redis.Redis, upkeep: Upkeep, deaths: str) -> None:
    """Whatever a job's hash claims."""
    a_job(client, signoff_deaths=deaths)
    client.zadd(KEYS.started, {"job:execution": LONG_AGO})
    assert upkeep.run() == 1
    assert client.hget(JOB_PREFIX + "job", "signoff_deaths") == b"1000"


@pytest.mark.parametrize("status", ["finished", "failed", "canceled", "stopped", "queued"])
def test_what_only_was_left_behind_is_dropped(
    client: redis.Redis, upkeep: Upkeep, status: str
) -> None:
    """As RQ has it, a job of another status did not die: it is in another registry."""
    a_job(client, status=status)
    client.zadd(KEYS.started, {"job:execution": LONG_AGO})
    assert (upkeep.run(), client.zcard(KEYS.started), waiting(client)) == (0, 0, [])


def test_a_job_of_another_queue_stays_there(client: redis.Redis, upkeep: Upkeep) -> None:
    """Nobody can move it here by an entry in our registry."""
    a_job(client, origin="mails")
    client.zadd(KEYS.started, {"job:execution": LONG_AGO})
    assert (upkeep.run(), waiting(client)) == (0, [])


def test_an_entry_whose_job_is_gone_is_noted(client: redis.Redis, upkeep: Upkeep) -> None:
    """Postgres may know what became of it."""
    client.zadd(KEYS.started, {"gone:execution": LONG_AGO})
    assert upkeep.run() == 0
    assert client.smembers(KEYS.missing_jobs) == {b"gone"}


@pytest.mark.parametrize("entry", ["job", "job:", "a:b:execution", b"\xff:x", ":x", ""])
def test_any_entry_is_dealt_with(client: redis.Redis, upkeep: Upkeep, entry: str | bytes) -> None:
    """Whatever stands there, it does not stay for ever."""
    client.zadd(KEYS.started, {entry if isinstance(entry, bytes) else entry.encode(): LONG_AGO})
    client.set(JOB_PREFIX + "job", "no hash")
    assert upkeep.run() == (entry in {"job", "job:"})
    assert client.zcard(KEYS.started) == 0


# The other registries


def test_a_job_stuck_between_taking_and_starting_goes_back(
    client: redis.Redis, upkeep: Upkeep
) -> None:
    """After a minute its stock worker counts as dead; what has just been taken is left alone."""
    a_job(client, "stuck", status="queued")
    client.rpush(KEYS.intermediate, "stuck", "gone")
    assert (upkeep.run(), client.lrange(KEYS.intermediate, 0, -1)) == (0, [b"stuck"])
    client.set(f"{KEYS.intermediate}:first_seen:stuck", client.time()[0] - 61.5)
    assert (upkeep.run(), waiting(client)) == (1, [b"stuck"])
    assert client.keys(f"{KEYS.intermediate}*") == []
    assert client.smembers(KEYS.missing_jobs) == {b"gone"}


def test_jobs_whose_dependencies_are_met_are_put_on_the_queue(
    client: redis.Redis, upkeep: Upkeep
) -> None:
    """A stock worker that died in between had not come to that."""
    a_job(client, "ready", status="ready_to_enqueue")
    a_job(client, "other", status="queued")
    client.zadd(KEYS.ready, {"ready": 1, "other": 1, "gone": 1})
    assert (upkeep.run(), waiting(client), client.zcard(KEYS.ready)) == (1, [b"ready"], 0)


def test_what_expired_is_removed(client: redis.Redis, upkeep: Upkeep) -> None:
    """Finished jobs when they expire; workers when their hash does not exist."""
    client.zadd(KEYS.finished, {"old": LONG_AGO, "young": 9e12})
    client.hset("rq:worker:live", "birth", "now")
    for key in ("rq:workers", "rq:workers:approvals"):
        client.sadd(key, "rq:worker:live", "rq:worker:dead")
    upkeep.run()
    assert client.zrange(KEYS.finished, 0, -1) == [b"young"]
    assert client.smembers("rq:workers") == {b"rq:worker:live"}
    assert client.smembers("rq:workers:approvals") == {b"rq:worker:live"}


def test_what_failed_does_not_expire(client: redis.Redis, upkeep: Upkeep) -> None:
    """It is swept into the dead letters first."""
    client.zadd(KEYS.failed, {"job": LONG_AGO})
    upkeep.run()
    assert client.zcard(KEYS.failed) == 1


def test_registries_of_another_type_are_left_alone(client: redis.Redis, upkeep: Upkeep) -> None:
    """What only stock workers fill keeps nobody from the rest."""
    others = [KEYS.finished, KEYS.ready, KEYS.intermediate, KEYS.missing_jobs, "rq:workers"]
    for key in [*others, "rq:workers:approvals"]:
        client.set(key, "x")
    client.zadd(KEYS.started, {"gone:x": LONG_AGO})
    assert upkeep.run() == 0
    client.set(KEYS.waiting, "x")
    with pytest.raises(WrongTypeError, match=KEYS.waiting):
        upkeep.run()


# Failed


def fail(client: redis.Redis, **reason: Any) -> str:
    """A job that RQ gave up."""
    event = approval()
    job_id = a_job(client, str(event.event_id), data=encode_job(event.canonical_json()))
    client.zadd(KEYS.failed, {job_id: 1})
    if reason:
        client.xadd(RESULTS_PREFIX + job_id, dict[Any, Any](reason))
    return job_id


def publish_anew(client: redis.Redis, job_id: str) -> None:
    """Another sweeper was done with it, and then its event was published again."""
    client.zrem(KEYS.failed, job_id)
    client.delete(JOB_PREFIX + job_id)
    assert Producer(connection=client).publish(approval(event_id=job_id)).ok


def change(client: redis.Redis, job_id: str) -> None:
    """Its data is other data now."""
    client.hset(JOB_PREFIX + job_id, "data", encode_job(approval().canonical_json()))


def test_a_registry_of_failed_jobs_of_another_type_is_named(client: redis.Redis) -> None:
    """With what to do."""
    client.set(KEYS.failed, "x")
    with pytest.raises(
        WrongTypeError, match=f"^{KEYS.failed} holds a string and should hold a zset"
    ):
        FailedJobs(client, "approvals").some()


def test_a_failed_job_is_not_forgotten_half(client: redis.Redis) -> None:
    """Where it cannot be noted as oversized, it stays in the registry."""
    failed = FailedJobs(client, "approvals")
    job_id = fail(client)
    client.hset(JOB_PREFIX + job_id, "data", b"x" * (MAX_JOB_BYTES + 1))
    jobs = failed.some()
    client.set(KEYS.oversized, "x")
    with pytest.raises(WrongTypeError, match=f"^{KEYS.oversized} holds a string"):
        failed.forget(jobs)
    assert client.zcard(KEYS.failed) == 1


@pytest.mark.parametrize("meanwhile", [publish_anew, change])
def test_a_sweep_forgets_only_what_it_read(
    client: redis.Redis, meanwhile: Callable[[redis.Redis, str], None]
) -> None:
    """A job that is not the same any more, or not failed any more, is not deleted."""
    failed = FailedJobs(client, "approvals")
    job_id = fail(client)
    jobs = failed.some()
    meanwhile(client, job_id)
    assert failed.forget(jobs) == 0
    assert client.exists(JOB_PREFIX + job_id) == 1


def test_two_sweeps_forget_once(client: redis.Redis) -> None:
    """The second of two that read the same finds nothing to do."""
    failed = FailedJobs(client, "approvals")
    fail(client)
    jobs = failed.some()
    assert [failed.forget(jobs), failed.forget(jobs)] == [1, 0]
    assert client.keys() == []


@pytest.mark.parametrize("reason", ["x" * 100, b"eJw=", b"\xff" * 70_000, ""])
def test_a_reason_may_be_anything(
    client: redis.Redis, connection: BatchConnection, reason: str | bytes
) -> None:
    """What RQ did not write is no reason; the job is swept all the same."""
    fail(client, exc_string=reason, return_value="gASVDwAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOULg==")
    assert sweep_failed(FailedJobs(client, "approvals"), lambda: nullcontext(connection)) == 1
    (letter,) = letters_in(connection)
    assert letter.message == "RQ gave this job up: no reason was noted"
    assert client.keys() == []


def packed(text: str) -> bytes:
    """A traceback as RQ notes it."""
    return b64encode(zlib.compress(text.encode()))


def test_the_reason_is_the_last_line_of_the_traceback(client: redis.Redis) -> None:
    """Cut, since anybody may write it."""
    fail(client, exc_string=packed("Traceback:\n  somewhere\nValueError: " + "x" * 1000 + "\n"))
    (job,) = FailedJobs(client, "approvals").some()
    assert job.reason == "ValueError: " + "x" * 488


def test_a_reason_that_is_too_large_stays_in_redis(client: redis.Redis) -> None:
    """Its job is read without it."""
    noise = "".join(map(chr, random.Random(1).choices(range(32, 127), k=90_000)))
    fail(client, exc_string=packed(noise))
    sent = int(client.info("stats")["total_net_output_bytes"])
    (job,) = FailedJobs(client, "approvals").some()
    assert job.reason is None
    assert int(client.info("stats")["total_net_output_bytes"]) - sent < 20_000


def test_a_reason_is_inflated_in_bounds(client: redis.Redis) -> None:
    """A hundred megabytes fit into the bytes that are read of it."""
    fail(client, exc_string=packed("x" * 45_000_000))
    failed = FailedJobs(client, "approvals")
    tracemalloc.start()
    (job,) = failed.some()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert job.reason == "x" * 500
    assert most < 5_000_000


def test_failed_jobs_are_read_in_small_batches(client: redis.Redis) -> None:
    """Bounded in jobs and in bytes."""
    for n in range(120):
        client.zadd(KEYS.failed, {a_job(client, f"small {n}"): 1})
    assert len(FailedJobs(client, "approvals").some()) == 100
    for n in range(40):
        client.zadd(KEYS.failed, {a_job(client, f"large {n}", data=b"x" * MAX_JOB_BYTES): 0})
    assert len(FailedJobs(client, "approvals").some()) == 32


def test_failed_jobs_without_data_are_swept(
    client: redis.Redis, connection: BatchConnection
) -> None:
    """Missing jobs are removed; one without data, or that is not a hash, becomes a dead letter."""
    client.hset(JOB_PREFIX + "bare", "origin", "approvals")
    client.set(JOB_PREFIX + "string", "x")
    client.zadd(KEYS.failed, dict.fromkeys(["gone", "bare", "string", fail(client)], 1))
    assert sweep_failed(FailedJobs(client, "approvals"), lambda: nullcontext(connection)) == 3
    assert client.keys() == []
    assert len(letters_in(connection)) == 3


def test_failed_jobs_of_any_size_are_swept(
    client: redis.Redis, connection: BatchConnection
) -> None:
    """What is too large stays in Redis, and out of RQ's registry."""
    for job_id in ("large", "i" * 600):
        a_job(client, job_id, data=b"x" * (MAX_JOB_BYTES + 1))
        client.zadd(KEYS.failed, {job_id: 1})
    assert sweep_failed(FailedJobs(client, "approvals"), lambda: nullcontext(connection)) == 2
    assert client.zcard(KEYS.failed) == 0
    assert client.smembers(KEYS.oversized) == {b"rq:job:large", b"rq:job:" + b"i" * 600}
    assert {one.kind for one in letters_in(connection)} == {"invalid_payload"}


def test_a_job_with_a_long_id_survives_a_worker_that_dies_before_its_letter(
    client: redis.Redis, connection: BatchConnection
) -> None:
    """Taken by one worker and read by a second, which die: a third writes its letter, once."""
    long = a_job(client, "i" * 600)
    client.rpush(KEYS.waiting, long, "without-a-job" * 50)
    dead = BatchQueue(client, "approvals", lease_seconds=-1)
    assert [job.hash for job in dead.take(10)] == [-4, -4]
    assert dead.has_long_ids
    read = FailedJobs(client, "approvals").some()
    assert client.smembers(KEYS.oversized) == set()
    apply(connection, deliveries_of_failed([(one.job, one.reason) for one in read]))
    BatchQueue(client, "approvals", lease_seconds=600).redeliver()

    assert sweep_failed(FailedJobs(client, "approvals"), lambda: nullcontext(connection)) == 2

    assert sorted(client.keys()) == [JOB_PREFIX.encode() + long.encode(), KEYS.oversized.encode()]
    assert client.smembers(KEYS.oversized) == {b"rq:job:" + b"i" * 600}
    assert sorted(one.job_id[:3] for one in letters_in(connection)) == ["iii", "wit"]


def test_long_ids_are_forgotten_by_their_own_hash(
    client: redis.Redis, connection: BatchConnection
) -> None:
    """One that came while the others' letters were written waits for its own."""
    failed = FailedJobs(client, "approvals")
    client.zadd(KEYS.failed, {"i" * 600 + "1": 1})
    jobs = failed.some()
    client.zadd(KEYS.failed, {"i" * 600 + "2": 0})
    assert failed.forget(jobs) == 1
    assert client.zrange(KEYS.failed, 0, -1) == [b"i" * 600 + b"2"]
    assert sweep_failed(failed, lambda: nullcontext(connection)) == 1


def test_failed_jobs_are_swept_once_postgres_is_back(
    client: redis.Redis, connection: BatchConnection, database_url: str
) -> None:
    """A connection that was lost is replaced, though no batch asks for it."""
    database = Database(Settings(database_url=database_url), application="sweeper")
    database.connection()
    connection.execute(
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
        " WHERE application_name = 'sweeper'"
    )
    fail(client)
    failed = FailedJobs(client, "approvals")
    assert sweep_failed(failed, database.lent) == 0
    assert sweep_failed(failed, database.lent) == 1
    database.drop()
