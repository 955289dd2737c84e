"""Events a second from Redis to committed, with 1, 2 and 4 worker processes, beside two yardsticks.

The limit: the same events, already read, applied by the same SQL from one process, with no Redis.
Stock RQ: a SimpleWorker that makes the same change in one transaction an event.
The purchases of real customers, where the CDNOW sample is there: beside as many made-up events.
"""

import gzip
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rq import Queue
from rq.serializers import JSONSerializer
from stage import KEYS, QUEUE, Row, Stage, deliveries, events

from signoff_db.apply import apply
from signoff_db.delivery import Delivery
from signoff_schemas import ApprovalEvent, Settings

BATCH = Settings().batch_size
"""That of the workers."""
CDNOW = Path(__file__).parents[2] / "shared" / "data" / "cdnow_sample.jsonl.gz"
"""Beside the clone; the tests look for it there, too."""


def run(stage: Stage, *, quick: bool) -> list[Row]:
    """Alternate them, and compare medians."""
    count, rounds = (20_000, 1) if quick else (50_000, 3)
    some = events(count)
    read = deliveries(some)
    real = _cdnow()
    rates: dict[str, list[float]] = {}
    for _ in range(rounds):
        for workers in (1, 2, 4):
            rates.setdefault(f"{workers}", []).append(_drained(stage, some, workers))
        rates.setdefault("limit", []).append(_applied(stage, read))
        rates.setdefault("stock", []).append(_stock(stage, some[: 300 if quick else 600]))
        if real:
            rates.setdefault("real", []).append(_drained(stage, real))
            rates.setdefault("mix", []).append(_drained(stage, some[: len(real)]))
    rate = {name: statistics.median(measured) for name, measured in rates.items()}
    one, two, four = (rate[workers] for workers in ("1", "2", "4"))
    rows = [
        Row("drain, 1 worker", one, "events/s", "stock RQ SimpleWorker", rate["stock"], ">= 100"),
        Row("drain, 1 worker", one, "events/s", "the limit: SQL alone", rate["limit"], ">= 0.8"),
        Row("drain, 2 workers", two, "events/s", "1 worker", one, ">= 1"),
        Row("drain, 4 workers", four, "events/s", "1 worker", one, ">= 1"),
    ]
    if real:
        what = f"drain, 1 worker, {len(real):,} CDNOW purchases"
        rows.append(Row(what, rate["real"], "events/s", "as many of the mix", rate["mix"]))
    return rows


def _cdnow() -> list[ApprovalEvent]:
    """The events of the sample in order of occurrence; none where it is not."""
    if not CDNOW.exists():
        print(f"left out: the CDNOW sample, looked for at {CDNOW}", file=sys.stderr)
        return []
    return [ApprovalEvent.parse(line) for line in gzip.decompress(CDNOW.read_bytes()).splitlines()]


def _drained(stage: Stage, some: list[ApprovalEvent], workers: int = 1) -> float:
    stage.clear()
    stage.publish(some)
    rate = len(some) / stage.drain(workers)
    stage.check(len(some))
    return rate


def _applied(stage: Stage, read: list[Delivery]) -> float:
    stage.clear()
    start = time.perf_counter()
    for first in range(0, len(read), BATCH):
        apply(stage.database, read[first : first + BATCH])
    rate = len(read) / (time.perf_counter() - start)
    stage.check(len(read))
    return rate


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
        stage.require_alive([worker])
        time.sleep(0.002)
    start = time.perf_counter()
    while worker.poll() is None and not stage.drained():
        time.sleep(0.005)
    took = time.perf_counter() - start
    worker.wait()
    stage.check(len(some))
    return len(some) / took
