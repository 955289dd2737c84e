"""What operators are shown of a queue, whatever stands in Redis."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from approvals import approval
from hypothesis import given, settings
from hypothesis import strategies as st

from signoff_producer import Producer
from signoff_queue.accounting import account_for, settle_missing
from signoff_queue.ended import ended
from signoff_queue.reader import Place, QueueReader
from signoff_schemas.keys import HEALTH, JOB_PREFIX, QueueKeys

KEYS = QueueKeys("approvals")
WORKER = "rq:worker:one"
FIELDS = [
    "hostname",
    "pid",
    "last_heartbeat",
    "state",
    "successful_job_count",
    "failed_job_count",
    HEALTH,
]
HOSTILE = [
    b"",
    b"yesterday",
    b"-1",
    b"9" * 18,
    b"9" * 5_000_000,
    b"\xff\xfe",
    b"9999-12-31T23:59:59-12:00",
    b"0001-01-01T00:00:00+12:00",
    b"\xd9\xa1",
    b"\xc2\xb2",
    b"[]",
    b"{",
    b"[" * 4000,
    b'{"live": 5, "ready": [], "waits_for": {}}',
]


@pytest.fixture
def reader(client: redis.Redis) -> QueueReader:
    """A reader of the queue."""
    return QueueReader(client, "approvals")


def register(client: redis.Redis, key: str = WORKER, **fields: Any) -> None:
    """A worker's entry."""
    heartbeat = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    client.sadd("rq:workers:approvals", key)
    held = {"last_heartbeat": heartbeat, "state": "idle", "pid": 7} | fields
    client.hset(key, mapping=dict[Any, Any](held))


# Workers


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value[:20]))
@pytest.mark.parametrize("field", FIELDS)
def test_a_worker_may_say_anything(
    client: redis.Redis, reader: QueueReader, field: str, value: bytes
) -> None:
    """Values that cannot be are left out; the others are returned as they are."""
    register(client, hostname="good", successful_job_count=5)
    register(client, "rq:worker:bad")
    client.hset("rq:worker:bad", field, value)
    bad, good = reader.workers(silent_after=60)
    assert (good.name, good.host, good.pid, good.successful) == ("one", "good", 7, 5)
    assert (good.state, good.live, good.ready) == ("idle", True, True)
    assert (bad.name, len(repr(bad)) < 1000) == ("bad", True)


@given(st.lists(st.tuples(st.sampled_from(FIELDS), st.binary(max_size=60)), max_size=7))
@settings(max_examples=50, deadline=None)
def test_any_entry_is_read(fields: list[tuple[str, bytes]]) -> None:
    """Random bytes in every field."""
    with redis.Redis.from_url(URL[0]) as client:
        register(client)
        for field, value in fields:
            client.hset(WORKER, field, value)
        assert len(QueueReader(client, "approvals").workers(silent_after=60)) == 1


URL: list[str] = []


@pytest.fixture(autouse=True)
def _url(redis_url: str) -> None:
    URL[:] = [redis_url]


def test_entries_that_are_none_are_left_out(client: redis.Redis, reader: QueueReader) -> None:
    """A missing key, one of another type, one that is too long, or another application's."""
    register(client)
    client.set("rq:worker:string", "x")
    client.hset("secrets", "hostname", "x")
    register(client, "rq:worker:" + "x" * 300)
    client.sadd("rq:workers:approvals", "rq:worker:gone", "rq:worker:string", "secrets")
    assert [worker.name for worker in reader.workers(silent_after=60)] == ["one"]
    client.set("rq:workers:approvals", "x")
    assert reader.workers(silent_after=60) == []


def test_a_health_of_other_types_is_none(client: redis.Redis, reader: QueueReader) -> None:
    """Only `true` means that a worker is live or ready, and only a text what it waits for."""
    register(client, **{HEALTH: '{"live": 5, "ready": "yes", "waits_for": {}}'})
    (worker,) = reader.workers(silent_after=60)
    assert (worker.live, worker.ready, worker.waits_for) == (False, False, None)


def test_a_worker_without_heartbeats_is_silent(client: redis.Redis, reader: QueueReader) -> None:
    """Nor is it live or ready, whatever it said last."""
    register(client, last_heartbeat="2026-01-01T00:00:00Z", **{HEALTH: '{"waits_for": "x"}'})
    (worker,) = reader.workers(silent_after=60)
    assert (worker.state, worker.live, worker.ready) == ("silent", False, False)
    assert worker.waits_for is None
    assert worker.heartbeat_age is not None
    assert worker.heartbeat_age > timedelta(days=1)


# The queue


@pytest.mark.parametrize(
    "name", ["waiting", "started", "scheduled", "failed", "leases", "missing_jobs", "oversized"]
)
def test_a_key_of_another_type_is_empty_and_named(
    client: redis.Redis, reader: QueueReader, name: str
) -> None:
    """Nothing that people look at fails because of it."""
    key = getattr(KEYS, name)
    client.set(key, "x")
    assert set(vars_of(reader.counts())) == {0}
    assert (reader.oldest_waiting(), reader.counted()[1], reader.sample(5)) == (None, None, {})
    assert (reader.place_of("x"), account_for(reader).missing) == (None, ())
    (text,) = reader.wrong_types()
    assert text.startswith(f"{key} holds a string and should hold a ")
    assert text.endswith(f"redis-cli DEL {key}")


def vars_of(counts: Any) -> list[int]:
    """The numbers of a record with slots."""
    return [getattr(counts, name) for name in counts.__slots__]


@pytest.mark.parametrize("score", [float("inf"), 1e300, -1e300, 1e12])
def test_a_retry_may_be_due_at_any_time(
    client: redis.Redis, reader: QueueReader, score: float
) -> None:
    """Also at one that no calendar has."""
    client.zadd(KEYS.scheduled, {b"i" * 5_000_000: score, b"job": score})
    assert reader.counted()[1] is None or score == 1e12
    assert reader.place_of("job") is not None


def test_large_jobs_are_looked_at_with_bounds(client: redis.Redis, reader: QueueReader) -> None:
    """Only beginnings leave Redis."""
    sent = int(client.info("stats")["total_net_output_bytes"])
    client.rpush(KEYS.waiting, b"i" * 5_000_000, "job")
    for field in ("data", "enqueued_at", "origin"):
        client.hset(JOB_PREFIX + "job", field, b"x" * 5_000_000)
    assert reader.sample(5) == {"job": b"x" * 4096}
    assert reader.oldest_waiting() is None
    assert reader.place_of("job") == (Place.QUEUED, None)
    assert account_for(reader).missing == ()
    assert int(client.info("stats")["total_net_output_bytes"]) - sent < 100_000


def test_whether_jobs_have_ended_is_asked_with_bounds(client: redis.Redis) -> None:
    """A status that RQ does not know does not leave Redis; a job without one has ended."""
    sent = int(client.info("stats")["total_net_output_bytes"])
    for status in ("finished", "canceled", "queued", "", b"x" * 5_000_000):
        client.hset(JOB_PREFIX + str(status)[:9], "status", status)
    client.hset(JOB_PREFIX + "none", "data", "{}")
    client.set(JOB_PREFIX + "string", "x")
    jobs = ["finished", "canceled", "none", "missing", "queued", "", str(b"x" * 9)[:9], "string"]
    assert ended(client, jobs) == [True] * 4 + [False] * 4
    assert int(client.info("stats")["total_net_output_bytes"]) - sent < 100_000


def test_a_waiting_job_that_is_no_hash_hides_no_other(
    client: redis.Redis, reader: QueueReader
) -> None:
    """Its key may hold anything."""
    client.set(JOB_PREFIX + "string", "x")
    client.rpush(KEYS.waiting, "string", "job")
    client.hset(JOB_PREFIX + "job", "data", b"{}")
    assert reader.sample(5) == {"job": b"{}"}


def test_an_oversized_job_is_in_its_place(client: redis.Redis, reader: QueueReader) -> None:
    """It is on a list of its own, and accounted for."""
    client.hset(JOB_PREFIX + "large", mapping={"data": "x", "origin": "approvals"})
    client.sadd(KEYS.oversized, JOB_PREFIX + "large")
    assert reader.place_of("large") == (Place.OVERSIZED, None)
    assert (reader.counts().oversized, account_for(reader).unlisted_jobs) == (1, ())


# The account


def test_many_ids_without_a_job_are_accounted_for_together(
    client: redis.Redis, reader: QueueReader
) -> None:
    """They are looked at in pages, not one by one."""
    for start in range(0, 100_000, 10_000):
        client.rpush(KEYS.waiting, *range(start, start + 10_000))
    client.config_resetstat()
    assert len(account_for(reader).missing) == 100_000
    calls = client.info("commandstats")
    del calls["cmdstat_exists"]  # by the script, which asks for a page of them
    assert sum(command["calls"] for command in calls.values()) < 2000


def test_many_jobs_are_accounted_for_a_part_at_a_time(
    client: redis.Redis, reader: QueueReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of more jobs than are compared at a time, each that is on no list is named, and no other."""
    monkeypatch.setattr("signoff_queue.accounting._CHUNK", 700)
    job_ids = [f"job-{n:04}" for n in range(3000)]
    with client.pipeline() as pipe:
        for job_id in job_ids:
            pipe.hset(JOB_PREFIX + job_id, mapping={"data": "x", "origin": "approvals"})
        pipe.rpush(KEYS.waiting, *job_ids[:2000], "gone")
        pipe.zadd(KEYS.scheduled, dict.fromkeys(job_ids[2000:2990], 1))
        pipe.sadd(KEYS.missing_jobs, "lost", *job_ids[::500])
        pipe.execute()
    account = account_for(reader)
    assert account.unlisted_jobs == tuple(job_ids[2990:])
    assert (account.missing, account.missing_jobs) == (("gone",), ("lost",))


def test_a_job_on_no_list_is_named(client: redis.Redis, reader: QueueReader) -> None:
    """A publisher died between HSET and RPUSH, say."""
    client.hset(JOB_PREFIX + "lone", mapping={"data": "x", "origin": "approvals"})
    client.hset(JOB_PREFIX + "other", mapping={"data": "x", "origin": "mails"})
    assert account_for(reader).unlisted_jobs == ("lone",)
    client.rpush(KEYS.waiting, "lone")
    assert account_for(reader).unlisted_jobs == ()


def test_missing_jobs_are_settled(client: redis.Redis, reader: QueueReader) -> None:
    """Those that are known, and those that are there again; the rest stays."""
    event = approval()
    again = str(event.event_id)
    client.sadd(KEYS.missing_jobs, "known", "lost", b"\xff", again)
    assert Producer(connection=client).publish(event).ok
    assert account_for(reader).missing_jobs == ("\\xff", "known", "lost")
    assert settle_missing(reader, {"known", "\\xff"}) == 3
    assert client.smembers(KEYS.missing_jobs) == {b"lost"}
