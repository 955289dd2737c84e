"""The relay: events a second from a committed outbox to the queue, compared with `publish_many`."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from deployment import KEYS, QUEUE, Deployment, Row, events

from signoff import Producer
from signoff_producer.outbox import SCHEMA
from signoff_producer.outbox.validated import Row as OutboxRow

TARGET = ">= 0.8"
RELAYS = {1: "1 process", 2: "2 processes"}


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Alternate `publish_many` and relay processes, on the same events."""
    count, rounds = (10_000, 3) if quick else (50_000, 3)
    some = events(count)
    lines = [event.canonical_json() for event in some]
    rows = [OutboxRow.of(event) for event in some]
    deployment.database.execute(SCHEMA.encode())
    producer = Producer(connection=deployment.redis, queue=QUEUE)
    published: list[float] = []
    relayed: dict[int, list[float]] = {relays: [] for relays in RELAYS}
    for _ in range(rounds):
        published.append(count / _publish(deployment, producer, lines))
        for relays, rates in relayed.items():
            rates.append(count / _relay(deployment, rows, relays))
    direct = statistics.median(published)
    return [
        Row(f"relay, {name}", statistics.median(rates), "events/s", "publish_many", direct, TARGET)
        for name, rates in zip(RELAYS.values(), relayed.values(), strict=True)
    ]


def _publish(deployment: Deployment, producer: Producer, lines: list[bytes]) -> float:
    deployment.redis.flushall()
    start = time.perf_counter()
    for _ in producer.publish_many(lines):
        pass
    return _checked(deployment, len(lines), time.perf_counter() - start)


def _relay(deployment: Deployment, rows: list[OutboxRow], relays: int) -> float:
    """Seconds from the commit to the outbox until the last event is on the queue and marked."""
    deployment.redis.flushall()
    deployment.database.execute("TRUNCATE signoff_outbox")
    with ExitStack() as running:
        processes = [running.enter_context(_running(deployment)) for _ in range(relays)]
        while _listening(deployment) < relays:
            deployment.require_alive(processes)
            time.sleep(0.02)
        deployment.database.execute("CHECKPOINT")
        _fill(deployment, rows)
        start = time.perf_counter()
        while deployment.redis.llen(KEYS.waiting) < len(rows) or _waiting(deployment):
            deployment.require_alive(processes)
            time.sleep(0.005)
        return _checked(deployment, len(rows), time.perf_counter() - start)


@contextmanager
def _running(deployment: Deployment) -> Iterator[subprocess.Popen[bytes]]:
    """A relay process, as users run it."""
    env = {
        **os.environ,
        "SIGNOFF_REDIS_URL": deployment.redis_url,
        "SIGNOFF_OUTBOX_URL": deployment.database_url,
        "SIGNOFF_LOG_LEVEL": "WARNING",
    }
    running = subprocess.Popen([sys.executable, "-m", "signoff_cli", "relay"], env=env)
    try:
        yield running
    finally:
        running.terminate()
        running.wait()


def _listening(deployment: Deployment) -> int:
    """How many relays wait for events."""
    counted = deployment.database.execute(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name = 'signoff relay' AND state = 'idle'"
    ).fetchone()
    return counted[0] if counted else 0


def _waiting(deployment: Deployment) -> bool:
    waiting = "SELECT FROM signoff_outbox WHERE published_at IS NULL LIMIT 1"
    return deployment.database.execute(waiting).fetchone() is not None


def _fill(deployment: Deployment, rows: list[OutboxRow]) -> None:
    """Commit, all at once, the very rows that `outbox.add` writes one by one."""
    columns = ", ".join(OutboxRow._fields)
    with (
        deployment.database.cursor() as cursor,
        cursor.copy(f"COPY signoff_outbox ({columns}) FROM STDIN".encode()) as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _checked(deployment: Deployment, count: int, seconds: float) -> float:
    if deployment.redis.llen(KEYS.waiting) != count:
        raise AssertionError(deployment.redis.llen(KEYS.waiting))
    return seconds
