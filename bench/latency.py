"""Milliseconds from publish to committed, one event every 20 ms, on an idle system.

Each side publishes with its own client. A trigger notifies of each ledger row when it is committed
(NOTIFY); its cost is the same for all sides. Rounds alternate, and their figures are pooled.
"""

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from deployment import QUEUE, Deployment, Row, events
from rivals.rival import load
from rq import Queue
from rq.serializers import JSONSerializer

from signoff import Producer
from signoff_db.connection import connect
from signoff_schemas import ApprovalEvent

FUNCTION = "signoff_worker.jobs.apply_approval"
EVERY = 0.02
WARM_UP = 20
NOTIFY = """
CREATE FUNCTION bench_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('bench', event_id::text) FROM fresh;
    RETURN NULL;
END $$;
CREATE TRIGGER bench_notify AFTER INSERT ON approvals REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION bench_notify();
"""


@dataclass(frozen=True)
class Side:
    """Workers that wait, and how one event is published to them."""

    name: str
    working: Callable[[], AbstractContextManager[object]]
    publish: Callable[[ApprovalEvent], object]


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Ours, stock RQ, Huey and taskiq in turn, on the same servers."""
    count, rounds = (100, 1) if quick else (400, 2)
    some = events(WARM_UP + count)
    sides = [
        _ours(deployment),
        _stock(deployment),
        _rival(deployment, "huey"),
        _rival(deployment, "taskiq"),
    ]
    pooled: dict[str, list[float]] = {side.name: [] for side in sides}
    for _ in range(rounds):
        for side in sides:
            deployment.clear()
            with watched(deployment) as committed, side.working():
                pooled[side.name] += latencies(some, side.publish, committed)
    ours = pooled.pop("ours")
    return [
        Row(f"latency, {title}", _at(ours, share), "ms", name, _at(theirs, share), "<= 1")
        for title, share in (("median", 0.5), ("99th percentile", 0.99))
        for name, theirs in pooled.items()
    ]


def _ours(deployment: Deployment) -> Side:
    producer = Producer(deployment.redis_url, queue=QUEUE)  # as users have it: with its own client
    return Side("ours", lambda: deployment.workers(1), producer.publish)


def _stock(deployment: Deployment) -> Side:
    queue = Queue(QUEUE, connection=deployment.redis, serializer=JSONSerializer)
    command = [sys.executable, "-m", "rq.cli", "worker", "-w", "rq.worker.SimpleWorker", "--quiet"]
    command += ["--serializer", "json", "-u", deployment.redis_url, QUEUE]

    env = {
        **os.environ,
        "SIGNOFF_REDIS_URL": deployment.redis_url,
        "SIGNOFF_DATABASE_URL": deployment.database_url,
    }

    @contextmanager
    def working() -> Iterator[None]:
        worker = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            worker.terminate()
            worker.wait()

    def enqueue(event: ApprovalEvent) -> object:
        mapping = event.model_dump(mode="json")
        return queue.enqueue(FUNCTION, mapping, job_id=str(event.event_id))

    return Side("stock RQ SimpleWorker", working, enqueue)


def _rival(deployment: Deployment, module: str) -> Side:
    rival = load(module, deployment)

    def publish(event: ApprovalEvent) -> None:
        rival.send([event.canonical_json().decode()])

    return Side(rival.name, lambda: rival.working(deployment), publish)


@contextmanager
def watched(deployment: Deployment) -> Iterator[dict[str, float]]:
    """When each event was committed, by event id, in seconds of this process's clock."""
    committed: dict[str, float] = {}
    over = threading.Event()

    def watch() -> None:
        with connect(deployment.database_url) as listener:
            listener.execute("LISTEN bench")
            while not over.is_set():
                for notice in listener.notifies(timeout=0.2):
                    committed[notice.payload] = time.perf_counter()

    deployment.database.execute(NOTIFY.encode())
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield committed
    finally:
        over.set()
        watcher.join()
        deployment.database.execute("DROP FUNCTION bench_notify CASCADE")


def latencies(
    some: list[ApprovalEvent],
    publish: Callable[[ApprovalEvent], object],
    committed: dict[str, float],
) -> list[float]:
    """Publish a few to see the workers at work, then the others on time; returns milliseconds."""
    for event in some[:WARM_UP]:
        publish(event)
    _await(committed, some[:WARM_UP])
    time.sleep(0.5)  # until the workers wait again
    return on_time(some[WARM_UP:], publish, committed)


def on_time(
    some: Sequence[ApprovalEvent],
    publish: Callable[[ApprovalEvent], object],
    committed: Mapping[str, float],
) -> list[float]:
    """Publish an event every 20 ms; returns milliseconds until each is committed."""
    sent: dict[str, float] = {}
    start = time.perf_counter()
    for n, event in enumerate(some):
        time.sleep(max(0.0, start + n * EVERY - time.perf_counter()))
        sent[str(event.event_id)] = time.perf_counter()
        publish(event)
    _await(committed, some)
    return [(committed[event] - moment) * 1000 for event, moment in sent.items()]


def _await(committed: Mapping[str, float], some: Sequence[ApprovalEvent]) -> None:
    """Until all of these are committed."""
    deadline = time.monotonic() + 30
    while missing := [event for event in some if str(event.event_id) not in committed]:
        if time.monotonic() > deadline:
            raise AssertionError(f"{len(missing)} of {len(some)} not committed in half a minute")
        time.sleep(0.05)


def _at(measured: list[float], share: float) -> float:
    return statistics.quantiles(measured, n=100)[round(share * 100) - 1]
