"""Milliseconds from publish to committed, one event every 20 ms, on an idle system.

A trigger tells of each ledger row when it is committed (NOTIFY); it costs both sides the same.
"""

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rq import Queue
from rq.serializers import JSONSerializer
from stage import QUEUE, Row, Stage, events

from signoff_db.connection import connect
from signoff_producer import Producer
from signoff_schemas import ApprovalEvent

FUNCTION = "signoff_worker.jobs.apply_approval"
EVERY = 0.02
TELL = """
CREATE FUNCTION bench_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('bench', event_id::text) FROM fresh;
    RETURN NULL;
END $$;
CREATE TRIGGER bench_tell AFTER INSERT ON approvals REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION bench_tell();
"""


def run(stage: Stage, *, quick: bool) -> list[Row]:
    """Ours and stock RQ's SimpleWorker, one after the other on the same servers."""
    some = events(150 if quick else 500)
    ours, theirs = _ours(stage, some), _stock(stage, some)
    return [
        Row("latency, median", _at(ours, 0.5), "ms", "stock RQ", _at(theirs, 0.5), "<= 1"),
        Row(
            "latency, 99th percentile", _at(ours, 0.99), "ms", "stock RQ", _at(theirs, 0.99), "<= 1"
        ),
    ]


def _ours(stage: Stage, some: list[ApprovalEvent]) -> list[float]:
    producer = Producer(connection=stage.redis, queue=QUEUE)
    stage.clear()
    with stage.workers(1), _watched(stage) as committed:
        return _latencies(stage, some, producer.publish, committed)


def _stock(stage: Stage, some: list[ApprovalEvent]) -> list[float]:
    queue = Queue(QUEUE, connection=stage.redis, serializer=JSONSerializer)
    env = {
        **os.environ,
        "SIGNOFF_REDIS_URL": stage.redis_url,
        "SIGNOFF_DATABASE_URL": stage.database_url,
    }
    command = [sys.executable, "-m", "rq.cli", "worker", "-w", "rq.worker.SimpleWorker", "--quiet"]
    command += ["--serializer", "json", "-u", stage.redis_url, QUEUE]

    def enqueue(event: ApprovalEvent) -> object:
        mapping = event.model_dump(mode="json")
        return queue.enqueue(FUNCTION, mapping, job_id=str(event.event_id))

    stage.clear()
    worker = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
    try:
        with _watched(stage) as committed:
            return _latencies(stage, some, enqueue, committed)
    finally:
        worker.terminate()
        worker.wait()


@contextmanager
def _watched(stage: Stage) -> Iterator[dict[str, float]]:
    """When each event was committed, by event id, in seconds of this process's clock."""
    committed: dict[str, float] = {}
    over = threading.Event()

    def watch() -> None:
        with connect(stage.database_url) as listener:
            listener.execute("LISTEN bench")
            while not over.is_set():
                for notice in listener.notifies(timeout=0.2):
                    committed[notice.payload] = time.perf_counter()

    stage.database.execute(TELL.encode())
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield committed
    finally:
        over.set()
        watcher.join()
        stage.database.execute("DROP FUNCTION bench_tell CASCADE")


def _latencies(
    stage: Stage,
    some: list[ApprovalEvent],
    publish: Callable[[ApprovalEvent], object],
    committed: dict[str, float],
) -> list[float]:
    """Publish on time and wait for the last; returns milliseconds, in ascending order."""
    while not stage.redis.scard("rq:workers"):
        time.sleep(0.02)
    time.sleep(0.5)  # until the worker waits
    sent: dict[str, float] = {}
    start = time.perf_counter()
    for n, event in enumerate(some):
        time.sleep(max(0.0, start + n * EVERY - time.perf_counter()))
        sent[str(event.event_id)] = time.perf_counter()
        publish(event)
    while len(committed) < len(some):
        time.sleep(0.05)
    return sorted((committed[event] - moment) * 1000 for event, moment in sent.items())


def _at(ordered: list[float], share: float) -> float:
    return statistics.quantiles(ordered, n=100)[round(share * 100) - 1]
