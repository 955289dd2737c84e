"""The HTTP API: publishing one event a request, many as lines, and waiting for a verdict."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from deployment import KEYS, QUEUE, Deployment, Row, environment, events
from http_client import OneByOne, Posting, post, seconds_of_lines
from latency import EVERY, WARM_UP, on_time, watched

from signoff import Producer
from signoff_embedded.ports import free_port
from signoff_schemas import ApprovalEvent

AT_ONCE = 50
LINES_A_TURN = 3_000
POSTS_A_TURN = 1_000
WAITS_A_TURN = 20


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Each way beside what it is compared with, many times in short turns.

    A turn takes a fraction of a second, so that other work on the machine hits all of them.
    """
    turns = 15 if quick else 60
    with serving(deployment, "signoff") as ours, serving(deployment, "bare") as bare:
        took = _turns(deployment, ours, bare, turns)
        waited, committed = _latencies(deployment, ours.port, 100 if quick else 400)

    def rate(name: str) -> float:
        return 1 / statistics.median(took[name])

    def processor_time(name: str) -> float:
        return statistics.median(took[f"{name}, processor"]) * 1e6

    return [
        Row(
            "HTTP, NDJSON",
            rate("lines"),
            "events/s",
            "publish_many",
            rate("publish_many"),
            ">= 0.5",
        ),
        Row(
            f"HTTP, one a request, {AT_ONCE} at once",
            rate("posts"),
            "events/s",
            "a bare route that validates",
            rate("bare"),
            ">= 0.6",
        ),
        Row(
            "the same, processor time of the service",
            processor_time("posts"),
            "us/request",
            "a bare route that validates",
            processor_time("bare"),
        ),
        Row("HTTP, Prefer: wait, median", waited, "ms", "publish → committed", committed),
        Row("the same, beyond publish → committed", waited - committed, "ms", target="<= 2"),
    ]


def _turns(
    deployment: Deployment, ours: "Served", bare: "Served", turns: int
) -> dict[str, list[float]]:
    """Seconds an event of each way in each turn, in changing order; the first does not count."""
    lines = [event.canonical_json() for event in events(LINES_A_TURN)]
    requests = [post(line) for line in lines[:POSTS_A_TURN]]
    took: dict[str, list[float]] = {}
    with (
        Producer(deployment.redis_url, queue=QUEUE) as producer,
        closing(Posting(ours.port, at_once=AT_ONCE)) as to_ours,
        closing(Posting(bare.port, at_once=AT_ONCE)) as to_bare,
    ):

        def publish_many() -> float:
            start = time.perf_counter()
            list(producer.publish_many(lines))
            return time.perf_counter() - start

        ways: dict[str, Way] = {
            "publish_many": Way(publish_many, len(lines)),
            "lines": Way(lambda: seconds_of_lines(ours.port, lines), len(lines)),
            "posts": Way(lambda: to_ours.seconds(requests), len(requests), ours),
            "bare": Way(lambda: to_bare.seconds(requests), len(requests), bare, publishes=False),
        }
        for turn in range(turns + 1):
            for name in sorted(ways, reverse=turn % 2 == 1):
                way = ways[name]
                deployment.redis.flushall()
                before = way.processor_time()
                seconds = way.run() / way.number
                used = (way.processor_time() - before) / way.number
                if deployment.redis.llen(KEYS.waiting) != way.number * way.publishes:
                    raise AssertionError(name)
                if turn > 0:
                    took.setdefault(name, []).append(seconds)
                    took.setdefault(f"{name}, processor", []).append(used)
    return took


class Way(NamedTuple):
    """A way to publish; `run` gives the seconds that it took."""

    run: Callable[[], float]
    number: int
    """Of events in a turn."""
    server: "Served | None" = None
    publishes: bool = True

    def processor_time(self) -> float:
        """Seconds of processor time of its server, since it started."""
        return self.server.processor_time() if self.server else 0.0


class Served(NamedTuple):
    """A web service that runs."""

    port: int
    pid: int

    def processor_time(self) -> float:
        """Seconds of processor time since it started, of all its threads (Linux)."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


@contextmanager
def serving(deployment: Deployment, name: str, **variables: str) -> Iterator[Served]:
    """A web service in a process of its own; `variables` are more of its environment."""
    port = free_port()
    env = environment(deployment) | variables
    script = str(Path(__file__).with_name("http_server.py"))
    server = subprocess.Popen([sys.executable, script, name, str(port)], env=env)
    try:
        _await(port, server)
        yield Served(port, server.pid)
    finally:
        server.terminate()
        server.wait()


def _await(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 120
    while server.poll() is None and time.monotonic() < deadline:
        try:
            HTTPConnection("127.0.0.1", port, timeout=5).request("GET", "/live")
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the web service does not serve")


def _latencies(deployment: Deployment, port: int, count: int) -> tuple[float, float]:
    """Medians in milliseconds, of waiting for a verdict over HTTP, and of publish → committed.

    A few of each in turn, so that other work on the machine hits both.
    """
    coming = iter(events(2 * WARM_UP + 2 * count))
    producer = Producer(deployment.redis_url, queue=QUEUE)
    client = OneByOne(port)
    waited: list[float] = []
    committed: list[float] = []
    deployment.clear()
    with watched(deployment) as seen, deployment.workers(1):
        # A worker may take longer to start than a request waits.
        on_time(list(islice(coming, WARM_UP)), producer.publish, seen)
        list(_waits(client, islice(coming, WARM_UP)))
        for _ in range(count // WAITS_A_TURN):
            waited += _waits(client, islice(coming, WAITS_A_TURN))
            committed += on_time(list(islice(coming, WAITS_A_TURN)), producer.publish, seen)
    return statistics.median(waited), statistics.median(committed)


def _waits(client: OneByOne, some: Iterable[ApprovalEvent]) -> Iterator[float]:
    """Milliseconds of a request that waits for its verdict, one event every 20 ms."""
    for event in some:
        request = post(event.canonical_json(), b"Prefer: wait=10\r\n")
        time.sleep(EVERY)
        start = time.perf_counter()
        if b'"verdict"' not in client.answer(request):
            raise AssertionError(event)
        yield (time.perf_counter() - start) * 1000
