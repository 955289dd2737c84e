"""Publishing: events a second, and bytes of Redis memory an event that waits."""

import asyncio
import gc
import statistics
import time
from collections.abc import Callable

from deployment import KEYS, QUEUE, Deployment, Row, events
from rq import Queue
from rq.serializers import JSONSerializer

from signoff import AsyncProducer, Producer

FUNCTION = "signoff_worker.jobs.apply_approval"
LISTPACK = "hash-max-listpack-value"
LIMITS = ("64", "1024")
"""Redis's own default, and what `signoff up` and docker-compose.yml set."""
Way = tuple[int, Callable[[], object]]
"""How many events, and what publishes them."""


def run(deployment: Deployment, *, quick: bool) -> list[Row]:
    """Alternate ours and RQ's, and compare medians."""
    count, rounds = (5_000, 2) if quick else (20_000, 3)
    some = events(count)
    mappings = [event.model_dump(mode="json") for event in some]
    producer = Producer(deployment.redis_url, queue=QUEUE)
    queue = Queue(QUEUE, connection=deployment.redis, serializer=JSONSerializer)
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
        asyncio.run(_fifty_at_once(deployment, lines[:few]))

    ways: dict[str, Way] = {
        "publish_many": (count, lambda: list(producer.publish_many(lines))),
        "enqueue_many": (count, enqueue_many),
        "publish": (few, lambda: [producer.publish(line) for line in lines[:few]]),
        "async": (few, publish_async),
        "enqueue": (few, enqueue),
    }
    # Else whichever way comes to it would pay for a search for cycles in these events.
    gc.collect()
    gc.freeze()
    rates: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, (number, way) in ways.items():
            deployment.redis.flushall()
            start = time.perf_counter()
            way()
            rates.setdefault(name, []).append(number / (time.perf_counter() - start))
            if deployment.redis.llen(KEYS.waiting) != number:
                raise AssertionError(name)
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
        *_memory(deployment, ways["publish_many"], ways["enqueue_many"]),
    ]


async def _fifty_at_once(deployment: Deployment, lines: list[bytes]) -> None:
    async with AsyncProducer(deployment.redis_url, queue=QUEUE) as producer:
        gate = asyncio.Semaphore(50)

        async def publish(line: bytes) -> None:
            async with gate:
                await producer.publish(line)

        await asyncio.gather(*(publish(line) for line in lines))


def _memory(deployment: Deployment, ours: Way, theirs: Way) -> list[Row]:
    """Bytes of Redis an event that waits, with `hash-max-listpack-value` as set and as it comes."""
    before = deployment.redis.config_get(LISTPACK)[LISTPACK]
    one = {
        (limit, way): _bytes(deployment, limit, way) for limit in LIMITS for way in (ours, theirs)
    }
    deployment.redis.config_set(LISTPACK, str(before))
    default, tuned = LIMITS
    theirs_default = one[default, theirs]
    return [
        Row(
            "memory an event that waits",
            one[tuned, ours],
            "bytes",
            "RQ's own job, Redis as it comes",
            theirs_default,
            "<= 0.40",
        ),
        Row(
            "the same, both on Redis as it comes",
            one[default, ours],
            "bytes",
            "RQ's own job",
            theirs_default,
        ),
        Row(
            f"the same, both with {LISTPACK} {tuned}",
            one[tuned, ours],
            "bytes",
            "RQ's own job",
            one[tuned, theirs],
        ),
    ]


def _bytes(deployment: Deployment, limit: str, way: Way) -> float:
    """All that Redis takes for so many events, by event."""
    deployment.redis.config_set(LISTPACK, limit)
    deployment.redis.flushall()
    before = _used(deployment)
    number, run = way
    run()
    return (_used(deployment) - before) / number


def _used(deployment: Deployment) -> int:
    """Once what was freed or buffered a moment ago is settled."""
    time.sleep(0.5)
    return int(deployment.redis.info("memory")["used_memory"])
