"""Events a second from Redis to committed, with 1, 2 and 4 worker processes.

Compared with the limit (the same events, already read, applied by the same SQL from one process,
without Redis) and with stock RQ (a SimpleWorker that makes the same change, one transaction an
event). Where the CDNOW sample is found: purchases of real customers, compared with as many made-up
events.
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
from testbed import KEYS, QUEUE, Row, Testbed, deliveries, events

from signoff_db.apply import apply
from signoff_db.delivery import Delivery
from signoff_schemas import ApprovalEvent, Settings

BATCH = Settings().batch_size
"""The batch size of workers."""
CDNOW = Path(__file__).parents[2] / "shared" / "data" / "cdnow_sample.jsonl.gz"
"""Next to the clone; the tests look there as well."""


def run(testbed: Testbed, *, quick: bool) -> list[Row]:
    """Alternate them, and compare medians."""
    count, rounds = (20_000, 1) if quick else (50_000, 3)
    some = events(count)
    read = deliveries(some)
    real = _cdnow()
    rates: dict[str, list[float]] = {}
    for _ in range(rounds):
        for workers in (1, 2, 4):
            rates.setdefault(f"{workers}", []).append(_drained(testbed, some, workers))
        rates.setdefault("limit", []).append(_applied(testbed, read))
        rates.setdefault("stock", []).append(_stock(testbed, some[: 300 if quick else 600]))
        if real:
            rates.setdefault("real", []).append(_drained(testbed, real))
            rates.setdefault("mix", []).append(_drained(testbed, some[: len(real)]))
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
    """The events of the sample in order of occurrence; none if it is not there."""
    if not CDNOW.exists():
        print(f"left out: the CDNOW sample, looked for at {CDNOW}", file=sys.stderr)
        return []
    return [ApprovalEvent.parse(line) for line in gzip.decompress(CDNOW.read_bytes()).splitlines()]


def _drained(testbed: Testbed, some: list[ApprovalEvent], workers: int = 1) -> float:
    testbed.clear()
    testbed.publish(some)
    rate = len(some) / testbed.drain(workers)
    testbed.check(len(some))
    return rate


def _applied(testbed: Testbed, read: list[Delivery]) -> float:
    testbed.clear()
    start = time.perf_counter()
    for first in range(0, len(read), BATCH):
        apply(testbed.database, read[first : first + BATCH])
    rate = len(read) / (time.perf_counter() - start)
    testbed.check(len(read))
    return rate


def _stock(testbed: Testbed, some: list[ApprovalEvent]) -> float:
    """Jobs as RQ writes them, and RQ's own worker in one process, without forking."""
    testbed.clear()
    queue = Queue(QUEUE, connection=testbed.redis, serializer=JSONSerializer)
    function = "signoff_worker.jobs.apply_approval"
    for event in some:
        queue.enqueue(function, event.model_dump(mode="json"), job_id=str(event.event_id))
    env = {
        **os.environ,
        "SIGNOFF_REDIS_URL": testbed.redis_url,
        "SIGNOFF_DATABASE_URL": testbed.database_url,
    }
    command = [sys.executable, "-m", "rq.cli", "worker", "-w", "rq.worker.SimpleWorker", "--burst"]
    command += ["--serializer", "json", "--quiet", "-u", testbed.redis_url, QUEUE]
    waiting = len(some)
    worker = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
    while testbed.redis.llen(KEYS.waiting) == waiting:
        testbed.require_alive([worker])
        time.sleep(0.002)
    start = time.perf_counter()
    while worker.poll() is None and not testbed.drained():
        time.sleep(0.005)
    took = time.perf_counter() - start
    worker.wait()
    testbed.check(len(some))
    return len(some) / took
