"""Nobody who can write to Redis can stop a worker: sizes, types and contents of every key."""

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from approvals import approval, approvals_on
from letters import letters_in
from processes import BIN, KEYS, environment, eventually, exit_code, idle, process, worker

from signoff_db.connection import connect
from signoff_producer import Producer
from signoff_schemas import MAX_JOB_BYTES
from signoff_schemas.keys import HEALTH, JOB_PREFIX, QueueKeys
from signoff_worker import ApprovalWorker

MEMORY = 120_000_000
"""The memory limit of a worker in the tests below; with it, redis-py cannot read 40 MB at once."""
HUGE = MEMORY // 2
"""Bytes of content: a worker that read it whole would fail."""


LARGEST_MESSAGE = 31_000_000
"""Bytes of a message: Redis disconnects a subscriber that would have to read 32 MB."""


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """A client of an empty Valkey; on a busy machine that takes long to look at what is huge."""
    with redis.Redis.from_url(redis_url, socket_timeout=60) as client:
        yield client


@pytest.fixture
def env(redis_url: str, database_url: str) -> dict[str, str]:
    """A worker's environment."""
    return environment(redis_url, database_url)


def publish(client: redis.Redis, count: int, queue: str = "approvals") -> None:
    """Put good events on the queue."""
    receipts = Producer(connection=client, queue=queue).publish_many(
        approvals_on(2, 2, count=count)
    )
    assert all(receipt.ok for receipt in receipts)


def applied(database_url: str) -> int:
    """The number of events in the ledger."""
    with connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM approvals").fetchone()
    return int(row[0]) if row else 0


def small_worker(env: dict[str, str], log: Path) -> Any:
    """A worker with the memory limit `MEMORY`."""
    command = f"ulimit -d {MEMORY // 1024}; exec {sys.executable} -m signoff_cli worker"
    return process("sh", "-c", command, env=env, log=log)


def _large_payload(client: redis.Redis) -> None:
    client.hset(JOB_PREFIX + "large", "data", b"{" * HUGE)
    client.rpush(KEYS.waiting, "large")


def _large_id(client: redis.Redis) -> None:
    client.rpush(KEYS.waiting, b"i" * HUGE)


def _many_long_ids(client: redis.Redis) -> None:
    with client.pipeline(transaction=False) as pipe:
        for n in range(200):
            pipe.rpush(KEYS.waiting, f"{n}-{'i' * (HUGE // 200)}")
        pipe.execute()


def _large_counters(client: redis.Redis) -> None:
    for field in ("signoff_deaths", "number_of_retries", "status"):
        client.hset(JOB_PREFIX + field, mapping={field: b"9" * (HUGE // 2), "data": b"x"})
        client.rpush(KEYS.waiting, field)


def _large_failed(client: redis.Redis) -> None:
    client.hset(JOB_PREFIX + "failed", "data", b"x" * HUGE)
    client.zadd(KEYS.failed, {"failed": 1})
    client.zadd(KEYS.failed, {b"i" * HUGE: 1})


def _the_same_job_many_times(client: redis.Redis) -> None:
    fields = {"data": "x", "signoff_deaths": 1_000_000, "number_of_retries": 1_000_000}
    client.hset(JOB_PREFIX + "same", mapping=dict[Any, Any](fields))
    client.rpush(KEYS.waiting, *["same"] * 1100)


@pytest.mark.parametrize(
    "harm",
    [
        _large_payload,
        _large_id,
        _many_long_ids,
        _large_counters,
        _large_failed,
        _the_same_job_many_times,
    ],
)
def test_nothing_is_too_large_for_a_small_worker(
    client: redis.Redis,
    env: dict[str, str],
    database_url: str,
    tmp_path: Path,
    harm: Callable[[redis.Redis], None],
) -> None:
    """The good jobs are applied, nothing is left on the queue, and the worker ends normally."""
    publish(client, 2)
    harm(client)
    publish(client, 3)
    with small_worker(env, tmp_path / "log") as small:
        log = tmp_path / "log"
        eventually(lambda: idle(client), what="nothing is left on the queue", log=log)
        small.send_signal(signal.SIGTERM)
        assert exit_code(small, log=log) == 0
    assert applied(database_url) == 5
    with connect(database_url) as connection:
        assert all(one.payload_kept <= MAX_JOB_BYTES for one in letters_in(connection))


@pytest.mark.parametrize("name", ["waiting", "started", "leases", "scheduled", "failed"])
def test_a_key_of_another_type_is_named_and_waited_for(
    client: redis.Redis, env: dict[str, str], database_url: str, tmp_path: Path, name: str
) -> None:
    """The worker logs the key and what to do; when the key is deleted, the worker goes on."""
    key = getattr(KEYS, name)
    log = tmp_path / "log"
    client.set(key, "x")
    with worker(env, log):
        named = f"{key} holds a string".encode()
        eventually(lambda: named in log.read_bytes(), what="it is named", log=log)
        assert f"redis-cli DEL {key}" in log.read_text()
        client.delete(key)
        publish(client, 3)
        eventually(lambda: applied(database_url) == 3, what="it goes on", log=log)


def test_a_broken_queue_does_not_keep_another_waiting(
    client: redis.Redis, env: dict[str, str], database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """A fault of one queue concerns that queue only."""
    log = tmp_path / "log"
    client.set(QueueKeys("broken").started, "x")
    publish(client, 2, "broken")
    publish(client, 3)
    command = [str(BIN / "rq"), "worker-pool", "broken", "approvals", "-n", "1"]
    command += ["-u", redis_url, "-w", "signoff_worker.ApprovalWorker"]
    with process(*command, env=env, log=log) as pool:
        eventually(lambda: applied(database_url) == 3, what="the other goes on", log=log)
        client.delete(QueueKeys("broken").started)
        eventually(lambda: applied(database_url) == 5, what="both go on", log=log)
        pool.send_signal(signal.SIGTERM)
        exit_code(pool, log=log)


def test_leases_of_another_type_do_not_keep_a_worker_from_its_heartbeat(
    client: redis.Redis,
) -> None:
    """The lease on another queue is renewed, and the worker does not look dead."""
    one = ApprovalWorker(["broken", "approvals"], connection=client, name="one")
    one.register_birth()
    client.set(QueueKeys("broken").leases, "x")
    client.zadd(KEYS.leases, {one._batch_queues[1].lease: 9e9})
    one._beat()
    assert client.zcount(KEYS.leases, 1, 8e9) == 1
    assert client.hexists("rq:worker:one", HEALTH)


@pytest.mark.parametrize("key", ["rq:workers", "rq:workers:approvals", "rq:worker:"])
def test_a_worker_works_without_its_entry_in_rqs_registry(
    client: redis.Redis, env: dict[str, str], database_url: str, tmp_path: Path, key: str
) -> None:
    """It is only information for RQ's tools."""
    log = tmp_path / "log"
    if not key.endswith(":"):
        client.set(key, "x")
    with worker(env, log):
        if key.endswith(":"):
            eventually(lambda: client.scard("rq:workers") == 1, what="it is registered", log=log)
            (key,) = ApprovalWorker.all_keys(client)
            client.set(key, "x")
        named = f"{key} holds a string".encode()
        publish(client, 3)
        eventually(lambda: applied(database_url) == 3, what="it works", log=log)
        eventually(lambda: named in log.read_bytes(), what="it is named", log=log)


def test_callbacks_of_a_started_job_are_not_called(
    client: redis.Redis, env: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    """Neither a callback nor a webhook of a job that somebody put into RQ's registries."""
    (tmp_path / "evil.py").write_text("open('called', 'w').close()\n")
    event = approval()
    hostile = {
        "data": b'["signoff_worker.jobs.apply_approval", null, [%s], {}]' % event.canonical_json(),
        "status": "started",
        "failure_callback_name": "evil.run",
        "success_callback_name": "evil.run",
        "origin": "approvals",
        "created_at": "2026-01-01T00:00:00Z",
    }
    for number, registry in enumerate((KEYS.started, KEYS.failed, KEYS.finished, KEYS.ready)):
        client.hset(f"{JOB_PREFIX}{number}", mapping=dict[Any, Any](hostile))
        client.zadd(registry, {f"{number}:x" if registry == KEYS.started else str(number): 1})
    with worker(env | {"PYTHONPATH": f"{env['PYTHONPATH']}:{tmp_path}"}, tmp_path / "log"):
        eventually(lambda: applied(database_url) == 1, what="it is applied", log=tmp_path / "log")
        eventually(lambda: idle(client), what="nothing is left", log=tmp_path / "log")
    assert not (tmp_path / "called").exists()


# Registering


def test_a_worker_whose_registration_was_not_answered_registers(client: redis.Redis) -> None:
    """Redis may have registered it before the connection was lost."""
    one = ApprovalWorker(["approvals"], connection=client, name="one")
    one.register_birth()
    one.register_birth()
    assert client.smembers("rq:workers") == {b"rq:worker:one"}


@pytest.mark.parametrize("births", [b"yesterday", b"\xff" * 100])
def test_another_worker_of_the_same_name_is_refused(client: redis.Redis, births: bytes) -> None:
    """As RQ does it."""
    client.hset("rq:worker:one", "birth", births)
    with pytest.raises(ValueError, match="active worker named 'one'"):
        ApprovalWorker(["approvals"], connection=client, name="one").register_birth()


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[" * 1000, b"5", b'{"command": "stop-job"}', b"x" * 5000, 5]
)
def test_invalid_commands_are_ignored(client: redis.Redis, data: Any) -> None:
    """Anything may be published to a worker; it goes on listening."""
    ApprovalWorker(["approvals"], connection=client).handle_payload({"data": data})


def test_only_the_command_to_shut_down_is_obeyed(client: redis.Redis) -> None:
    """RQ sends SIGINT to its own process; a command is read only where it is short."""
    worker = ApprovalWorker(["approvals"], connection=client)
    command = b'{"command": "shutdown"}'
    # A shell may start the tests with SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            worker.handle_payload({"data": command})
    finally:
        signal.signal(signal.SIGINT, before)
    worker.handle_payload({"data": command + b" " * 1024})
    worker.handle_payload({"data": b'{"command": "kill-horse"}'})


def test_a_message_that_is_too_large_does_not_end_listening(
    client: redis.Redis, env: dict[str, str], tmp_path: Path
) -> None:
    """The worker reads no such message, says so in one line, and obeys the next command."""
    log = tmp_path / "log"
    with small_worker(env, log) as small:
        eventually(lambda: bool(_channels(client)), what="it listens", log=log)
        (channel,) = _channels(client)
        client.publish(channel, b"x" * LARGEST_MESSAGE)
        eventually(lambda: b"are not heard" in log.read_bytes(), what="it is told", log=log)
        eventually(lambda: _is_heard(client, channel, log), what="it listens again", log=log)
        client.publish(channel, b'{"command": "shutdown"}')
        assert exit_code(small, log=log) == 0
    assert b"Traceback" not in log.read_bytes()


def _channels(client: redis.Redis) -> list[Any]:
    return list(client.pubsub_channels("rq:pubsub:*"))


def _is_heard(client: redis.Redis, channel: Any, log: Path) -> bool:
    client.publish(channel, b'{"command": "kill-horse"}')
    return b"does not know is ignored" in log.read_bytes()
