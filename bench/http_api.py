"""The HTTP API: publishing one event a request, many as lines, and waiting for a verdict."""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from deployment import KEYS, QUEUE, Deployment, Row, environment, events
from http_client import lines_a_second, post, posts_a_second
from latency import WARM_UP, latencies, watched

from signoff import Producer
from signoff_embedded.ports import free_port

AT_ONCE = 50


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Each way beside what it is compared with, in turn."""
    count, rounds = (10_000, 3) if quick else (30_000, 5)
    lines = [event.canonical_json() for event in events(count)]
    requests = [post(line) for line in lines[: count // 3]]
    producer = Producer(deployment.redis_url, queue=QUEUE)
    rates: dict[str, list[float]] = {}

    def note(name: str, rate: float, waiting: int) -> None:
        rates.setdefault(name, []).append(rate)
        if deployment.redis.llen(KEYS.waiting) != waiting:
            raise AssertionError(name)

    with serving(deployment, "signoff") as ours, serving(deployment, "bare") as bare:
        for _ in range(rounds):
            deployment.redis.flushall()
            start = time.perf_counter()
            list(producer.publish_many(lines))
            note("publish_many", count / (time.perf_counter() - start), count)
            deployment.redis.flushall()
            note("lines", lines_a_second(ours.port, lines), count)
            deployment.redis.flushall()
            note("posts", posts_a_second(ours.port, requests, at_once=AT_ONCE), len(requests))
            deployment.redis.flushall()
            note("bare", posts_a_second(bare.port, requests, at_once=AT_ONCE), 0)
        waited, committed = _latencies(deployment, ours.port, 100 if quick else 400)
    rate = {name: statistics.median(measured) for name, measured in rates.items()}
    return [
        Row(
            "HTTP, NDJSON",
            rate["lines"],
            "events/s",
            "publish_many",
            rate["publish_many"],
            ">= 0.5",
        ),
        Row(
            f"HTTP, one a request, {AT_ONCE} at once",
            rate["posts"],
            "events/s",
            "a bare route that validates",
            rate["bare"],
            ">= 0.6",
        ),
        Row("HTTP, Prefer: wait, median", waited, "ms", "publish → committed", committed),
        Row("the same, beyond publish → committed", waited - committed, "ms", target="<= 2"),
    ]


class Served(NamedTuple):
    """A web service that runs."""

    port: int
    pid: int


@contextmanager
def serving(deployment: Deployment, name: str) -> Iterator[Served]:
    """A web service in a process of its own."""
    port = free_port()
    env = environment(deployment)
    script = str(Path(__file__).with_name("http_server.py"))
    server = subprocess.Popen([sys.executable, script, name, str(port)], env=env)
    try:
        _await(port, server)
        yield Served(port, server.pid)
    finally:
        server.terminate()
        server.wait()


def _await(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while server.poll() is None and time.monotonic() < deadline:
        try:
            HTTPConnection("127.0.0.1", port, timeout=5).request("GET", "/live")
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the web service does not serve")


def _latencies(deployment: Deployment, port: int, count: int) -> tuple[float, float]:
    """Medians in milliseconds, of waiting for a verdict over HTTP, and of publish → committed."""
    some = events(WARM_UP + count)
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/json", "Prefer": "wait=10"}
    waited: list[float] = []
    deployment.clear()
    with deployment.workers(1):
        for event in some:
            body = event.canonical_json()
            time.sleep(0.02)
            start = time.perf_counter()
            connection.request("POST", "/v1/approvals", body, headers)
            answer = connection.getresponse()
            if b'"verdict"' not in answer.read():
                raise AssertionError(event)
            waited.append((time.perf_counter() - start) * 1000)
    producer = Producer(connection=deployment.redis, queue=QUEUE)
    deployment.clear()
    with watched(deployment) as seen, deployment.workers(1):
        committed = latencies(some, producer.publish, seen)
    return statistics.median(waited[WARM_UP:]), statistics.median(committed)
