"""Events a second from Redis to committed, with 1, 2 and 4 worker processes, beside two yardsticks.

The limit: the same events, already read, applied by the same SQL from one process, with no Redis.
Stock RQ: a SimpleWorker that makes the same change in one transaction an event.
"""

import os
import statistics
import subprocess
import sys
import time

from rq import Queue
from rq.serializers import JSONSerializer
from stage import KEYS, QUEUE, Row, Stage, deliveries, events

from signoff_db.apply import apply
from signoff_schemas import ApprovalEvent, Settings

BATCH = Settings().batch_size
"""That of the workers."""


def run(stage: Stage, *, quick: bool) -> list[Row]:
    """Alternate them, and compare medians."""
    count, rounds = (10_000, 2) if quick else (50_000, 3)
    some = events(count)
    read = deliveries(some)
    rates: dict[str, list[float]] = {}
    for _ in range(rounds):
        for workers in (1, 2, 4):
            stage.clear()
            stage.publish(some)
            rates.setdefault(f"{workers}", []).append(count / stage.drain(workers))
            stage.check(count)
        stage.clear()
        start = time.perf_counter()
        for first in range(0, count, BATCH):
            apply(stage.database, read[first : first + BATCH])
        rates.setdefault("limit", []).append(count / (time.perf_counter() - start))
        stage.check(count)
        rates.setdefault("stock", []).append(_stock(stage, some[: 300 if quick else 1000]))
    one, two, four, limit, stock = (
        statistics.median(rates[name]) for name in ("1", "2", "4", "limit", "stock")
    )
    return [
        Row("drain, 1 worker", one, "events/s", "stock RQ SimpleWorker", stock, ">= 100"),
        Row("drain, 1 worker", one, "events/s", "the limit: SQL alone", limit, ">= 0.8"),
        Row("drain, 2 workers", two, "events/s", "1 worker", one, ">= 1"),
        Row("drain, 4 workers", four, "events/s", "1 worker", one, ">= 1"),
    ]


def _stock(stage: Stage, some: list[ApprovalEvent]) -> float:
    """Jobs as RQ writes them, and RQ's own worker in one process, without forking."""
    stage.clear()
    queue = Queue(QUEUE, connection=stage.redis, serializer=JSONSerializer)
    function = "signoff_worker.jobs.apply_approval"
    for event in some:
        queue.enqueue(function, event.model_dump(mode="json"), job_id=str(event.event_id))
    env = {
        **os.environ,
        "SIGNOFF_REDIS_URL": stage.redis_url,
        "SIGNOFF_DATABASE_URL": stage.database_url,
    }
    command = [sys.executable, "-m", "rq.cli", "worker", "-w", "rq.worker.SimpleWorker", "--burst"]
    command += ["--serializer", "json", "--quiet", "-u", stage.redis_url, QUEUE]
    waiting = len(some)
    worker = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
    while stage.redis.llen(KEYS.waiting) == waiting:
        time.sleep(0.002)
    start = time.perf_counter()
    worker.wait()
    took = time.perf_counter() - start
    stage.check(len(some))
    return len(some) / took
