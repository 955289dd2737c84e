"""Hostile content in Redis, from a seed, beside good events, under a memory limit.

`make check` runs a few seconds of it, `make fuzz MINUTES=10` more. SEED= repeats a run; a failure
names its seed.
"""

import os
import secrets
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import redis
from approvals import approval, decision
from hostile import Hostile
from processes import KEYS, environment, eventually, exit_code, idle, process

from signoff_db.connection import connect
from signoff_producer import Producer
from signoff_queue.accounting import account_for
from signoff_queue.reader import QueueReader
from signoff_schemas.keys import JOB_PREFIX

if TYPE_CHECKING:
    from signoff_schemas import AnyEvent

SECONDS = float(os.environ.get("FUZZ_SECONDS") or 6)
SEED = os.environ.get("FUZZ_SEED") or secrets.token_hex(4)
MEMORY = 200_000
"""Kilobytes of data that the worker may have; it takes half of that."""
THINGS = 60
"""Hostile things a round, together with a few good events."""


def test_a_worker_lives_with_whatever_is_in_redis(
    redis_url: str, database_url: str, tmp_path: Path
) -> None:
    """Each good event is applied, nothing hostile stays on the queue, the worker ends well."""
    log = tmp_path / "log"
    env = environment(redis_url, database_url, retry_attempts=1, batch_size=25)
    command = f"ulimit -d {MEMORY}; exec {sys.executable} -m signoff_cli worker"
    good: list[AnyEvent] = []
    with (
        redis.Redis.from_url(redis_url) as client,
        process("sh", "-c", command, env=env, log=log) as worker,
    ):
        hostile = Hostile(client, "approvals", SEED)
        producer = Producer(connection=client)
        until = time.monotonic() + SECONDS
        while not good or time.monotonic() < until:
            for _ in range(THINGS):
                hostile.put_something()
            events: list[AnyEvent] = [approval(user_id="good") for _ in range(3)]
            events += [decision(user_id="good") for _ in range(3)]
            assert all(receipt.ok for receipt in producer.publish_many(events))
            good += events
            _run_all_reads(client)
            eventually(
                lambda: idle(client) or worker.poll() is not None,
                what=f"all is settled, SEED={SEED}",
                log=log,
            )
            assert worker.poll() is None, _printed(log)
        worker.send_signal(signal.SIGTERM)
        assert exit_code(worker, log=log) == 0
        assert _remaining_jobs(client) <= client.smembers(KEYS.oversized), _printed(log)
    with connect(database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM approvals WHERE event_id = ANY(%s)",
            [[event.event_id for event in good]],
        ).fetchone()
    assert row == (len(good),), _printed(log)
    assert b"Traceback" not in log.read_bytes(), _printed(log)


def _printed(log: Path) -> str:
    return f"SEED={SEED}\n{log.read_text('utf-8', 'replace')[-8000:]}"


def _run_all_reads(client: redis.Redis) -> None:
    """Everything that commands show can be read."""
    reader = QueueReader(client, "approvals")
    reader.counts()
    reader.workers(silent_after=60)
    reader.oldest_waiting()
    reader.counted()
    reader.sample(20)
    account_for(reader)


def _remaining_jobs(client: redis.Redis) -> set[bytes]:
    """The remaining jobs, without those that name another queue or registry."""
    jobs = set(client.scan_iter(f"{JOB_PREFIX}*"))
    hashes = set(client.scan_iter(f"{JOB_PREFIX}*", _type="hash"))
    return {j for j in jobs if j not in hashes or client.hmget(j, "status", "origin") == [None] * 2}
