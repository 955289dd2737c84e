"""Events a second from Redis to committed, with 1, 2 and 4 worker processes.

Compared with the limit (the same events, already read, applied by the same SQL from one process,
without Redis) and with stock RQ (a SimpleWorker that makes the same change, one transaction an
event). The CDNOW sample, purchases of real customers, is compared with as many made-up events.
"""

import gzip
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from deployment import KEYS, QUEUE, Deployment, Row, deliveries, events
from rq import Queue
from rq.serializers import JSONSerializer

from signoff_db.apply import apply
from signoff_db.delivery import Delivery
from signoff_schemas import ApprovalEvent, Settings

BATCH = Settings().batch_size
"""The batch size of workers."""
CDNOW = Path(__file__).parents[1] / "tests" / "data" / "cdnow_sample.jsonl.gz"


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Alternate them, and compare medians."""
    count, rounds = (20_000, 1) if quick else (50_000, 3)
    some = events(count)
    read = deliveries(some)
    real = _cdnow()
    rates: dict[str, list[float]] = {}
    for _ in range(rounds):
        for workers in (1, 2, 4):
            rates.setdefault(f"{workers}", []).append(_drained(deployment, some, workers))
        rates.setdefault("limit", []).append(_applied(deployment, read))
        rates.setdefault("stock", []).append(_stock(deployment, some[: 300 if quick else 600]))
        rates.setdefault("real", []).append(_drained(deployment, real))
        rates.setdefault("mix", []).append(_drained(deployment, some[: len(real)]))
    rate = {name: statistics.median(measured) for name, measured in rates.items()}
    one, two, four = (rate[workers] for workers in ("1", "2", "4"))
    purchases = f"drain, 1 worker, {len(real):,} CDNOW purchases"
    return [
        Row("drain, 1 worker", one, "events/s", "stock RQ SimpleWorker", rate["stock"], ">= 100"),
        Row("drain, 1 worker", one, "events/s", "the limit: SQL alone", rate["limit"], ">= 0.8"),
        Row("drain, 2 workers", two, "events/s", "1 worker", one, ">= 1"),
        Row("drain, 4 workers", four, "events/s", "1 worker", one, ">= 1"),
        Row(purchases, rate["real"], "events/s", "as many of the mix", rate["mix"]),
    ]


def _cdnow() -> list[ApprovalEvent]:
    """The events of the sample in order of occurrence."""
    return [ApprovalEvent.parse(line) for line in gzip.decompress(CDNOW.read_bytes()).splitlines()]


def _drained(deployment: Deployment, some: list[ApprovalEvent], workers: int = 1) -> float:
    deployment.clear()
    deployment.publish(some)
    rate = len(some) / deployment.drain(workers)
    deployment.check(len(some))
    return rate


def _applied(deployment: Deployment, read: list[Delivery]) -> float:
    deployment.clear()
    start = time.perf_counter()
    for first in range(0, len(read), BATCH):
        apply(deployment.database, read[first : first + BATCH])
    rate = len(read) / (time.perf_counter() - start)
    deployment.check(len(read))
    return rate


def _stock(deployment: Deployment, some: list[ApprovalEvent]) -> float:
    """Jobs as RQ writes them, and RQ's own worker in one process, without forking."""
    deployment.clear()
    queue = Queue(QUEUE, connection=deployment.redis, serializer=JSONSerializer)
    function = "signoff_worker.jobs.apply_approval"
    for event in some:
        queue.enqueue(function, event.model_dump(mode="json"), job_id=str(event.event_id))
    env = {
        **os.environ,
        "SIGNOFF_REDIS_URL": deployment.redis_url,
        "SIGNOFF_DATABASE_URL": deployment.database_url,
    }
    command = [sys.executable, "-m", "rq.cli", "worker", "-w", "rq.worker.SimpleWorker", "--burst"]
    command += ["--serializer", "json", "--quiet", "-u", deployment.redis_url, QUEUE]
    waiting = len(some)
    worker = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
    while deployment.redis.llen(KEYS.waiting) == waiting:
        deployment.require_alive([worker])
        time.sleep(0.002)
    start = time.perf_counter()
    while worker.poll() is None and not deployment.drained():
        time.sleep(0.005)
    took = time.perf_counter() - start
    worker.wait()
    deployment.check(len(some))
    return len(some) / took
