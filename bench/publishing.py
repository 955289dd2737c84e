"""Publishing: events a second, and bytes of Redis memory an event that waits."""

import asyncio
import statistics
import time
from collections.abc import Callable

from rq import Queue
from rq.serializers import JSONSerializer
from stage import KEYS, QUEUE, Row, Stage, events

from signoff_producer import AsyncProducer, Producer
from signoff_schemas import ApprovalEvent
from signoff_schemas.keys import JOB_PREFIX

FUNCTION = "signoff_worker.jobs.apply_approval"


def run(stage: Stage, *, quick: bool) -> list[Row]:
    """Alternate ours and RQ's, and compare medians."""
    count, rounds = (5_000, 2) if quick else (20_000, 3)
    some = events(count)
    mappings = [event.model_dump(mode="json") for event in some]
    producer = Producer(connection=stage.redis, queue=QUEUE)
    queue = Queue(QUEUE, connection=stage.redis, serializer=JSONSerializer)
    lines = [event.canonical_json() for event in some]
    few = count // 10

    def enqueue_many() -> None:
        for first in range(0, count, 500):
            chunk = zip(some[first : first + 500], mappings[first : first + 500], strict=True)
            queue.enqueue_many(
                [
                    Queue.prepare_data(FUNCTION, [mapping], job_id=str(event.event_id))
                    for event, mapping in chunk
                ]
            )

    def enqueue() -> None:
        for event, mapping in zip(some[:few], mappings[:few], strict=True):
            queue.enqueue(FUNCTION, mapping, job_id=str(event.event_id))

    def publish_async() -> None:
        asyncio.run(_fifty_at_once(stage, lines[:few]))

    ways: dict[str, tuple[int, Callable[[], object]]] = {
        "publish_many": (count, lambda: list(producer.publish_many(lines))),
        "enqueue_many": (count, enqueue_many),
        "publish": (few, lambda: [producer.publish(line) for line in lines[:few]]),
        "async": (few, publish_async),
        "enqueue": (few, enqueue),
    }
    rates: dict[str, list[float]] = {}
    sizes: dict[str, float] = {}
    for _ in range(rounds):
        for name, (number, way) in ways.items():
            stage.redis.flushall()
            start = time.perf_counter()
            way()
            rates.setdefault(name, []).append(number / (time.perf_counter() - start))
            if stage.redis.llen(KEYS.waiting) != number:
                raise AssertionError(name)
            sizes[name] = _bytes_a_job(stage, some[:number])
    rate = {name: statistics.median(measured) for name, measured in rates.items()}
    return [
        Row(
            "publish_many",
            rate["publish_many"],
            "events/s",
            "RQ enqueue_many",
            rate["enqueue_many"],
            ">= 5",
        ),
        Row(
            "publish, one a call",
            rate["publish"],
            "events/s",
            "RQ enqueue",
            rate["enqueue"],
            ">= 3",
        ),
        Row(
            "AsyncProducer, 50 at once",
            rate["async"],
            "events/s",
            "RQ enqueue",
            rate["enqueue"],
            ">= 3",
        ),
        Row(
            "memory an event that waits",
            sizes["publish_many"],
            "bytes",
            "RQ's own job",
            sizes["enqueue_many"],
            "<= 0.40",
        ),
    ]


async def _fifty_at_once(stage: Stage, lines: list[bytes]) -> None:
    async with AsyncProducer(stage.redis_url, queue=QUEUE) as producer:
        gate = asyncio.Semaphore(50)

        async def publish(line: bytes) -> None:
            async with gate:
                await producer.publish(line)

        await asyncio.gather(*(publish(line) for line in lines))


def _bytes_a_job(stage: Stage, some: list[ApprovalEvent]) -> float:
    sample = some[:: max(1, len(some) // 200)]
    used = [int(stage.redis.memory_usage(f"{JOB_PREFIX}{e.event_id}") or 0) for e in sample]
    return statistics.mean(used)
