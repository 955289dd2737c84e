"""The relay: events a second from a committed outbox to the queue, beside `publish_many`."""

import statistics
import threading
import time

from stage import KEYS, QUEUE, Row, Stage, events

from signoff_cli.outbox.lane import Lane
from signoff_cli.outbox.relaying import Relay
from signoff_producer import Producer
from signoff_producer.outbox import SCHEMA


def run(stage: Stage, *, quick: bool) -> list[Row]:
    """Alternate `publish_many` of events at hand and a relay's way with the same events."""
    count, rounds = (10_000, 3) if quick else (50_000, 3)
    lines = [event.canonical_json() for event in events(count)]
    stage.database.execute(SCHEMA.encode())
    producer = Producer(connection=stage.redis, queue=QUEUE)
    published, relayed = [], []
    for _ in range(rounds):
        published.append(count / _publish(stage, producer, lines))
        relayed.append(count / _relay(stage, producer, lines))
    return [
        Row(
            "relay",
            statistics.median(relayed),
            "events/s",
            "publish_many",
            statistics.median(published),
            ">= 0.8",
        )
    ]


def _publish(stage: Stage, producer: Producer, lines: list[bytes]) -> float:
    stage.redis.flushall()
    start = time.perf_counter()
    for _ in producer.publish_many(lines):
        pass
    return _checked(stage, len(lines), time.perf_counter() - start)


def _relay(stage: Stage, producer: Producer, lines: list[bytes]) -> float:
    stage.redis.flushall()
    _fill(stage, lines)
    lanes = [Lane(stage.database_url, producer, most=1000) for _ in range(2)]
    start = time.perf_counter()
    Relay(lanes, threading.Event(), poll=1).run(burst=True)
    return _checked(stage, len(lines), time.perf_counter() - start)


def _fill(stage: Stage, lines: list[bytes]) -> None:
    stage.database.execute("TRUNCATE signoff_outbox")
    stage.database.execute("CHECKPOINT")
    with (
        stage.database.cursor() as cursor,
        cursor.copy("COPY signoff_outbox (event) FROM STDIN") as copy,
    ):
        for line in lines:
            copy.write_row([line.decode()])


def _checked(stage: Stage, count: int, seconds: float) -> float:
    if stage.redis.llen(KEYS.waiting) != count:
        raise AssertionError(stage.redis.llen(KEYS.waiting))
    return seconds
