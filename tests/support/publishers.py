"""`Producer` and `AsyncProducer` behind one interface, so that one test covers both."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from signoff_producer import Answer, AsyncProducer, Producer, Receipt


class Publisher(Protocol):
    """What both have; `waits` holds the delays between retries."""

    producer: Any
    waits: list[float]

    def publish(self, event: Any, **options: Any) -> Receipt:
        """Publish one event."""

    def publish_many(self, events: Iterable[Any]) -> list[Receipt]:
        """Publish many events."""

    def flush(self) -> dict[Answer, int]:
        """Publish what the spool holds."""

    def close(self) -> None:
        """Close the producer's connections."""


class SyncPublisher:
    """Publishes by `Producer`; delays are noted instead of waited."""

    def __init__(self, producer: Producer) -> None:
        self.producer = producer
        self.waits: list[float] = []
        producer._wait = self.waits.append

    def publish(self, event: Any, **options: Any) -> Receipt:
        """Publish one event."""
        return self.producer.publish(event, **options)

    def publish_many(self, events: Iterable[Any]) -> list[Receipt]:
        """Publish many events."""
        return list(self.producer.publish_many(events))

    def flush(self) -> dict[Answer, int]:
        """Publish what the spool holds."""
        return self.producer.flush_spool()

    def close(self) -> None:
        """Close the producer's connections."""
        self.producer.close()


class AsyncPublisher:
    """The same by `AsyncProducer`, in its own event loop."""

    def __init__(self, producer: AsyncProducer, loop: asyncio.Runner) -> None:
        self.producer = producer
        self.waits: list[float] = []
        self.loop = loop

        async def wait(seconds: float) -> None:
            self.waits.append(seconds)

        producer._wait = wait

    def publish(self, event: Any, **options: Any) -> Receipt:
        """Publish one event."""
        return self.loop.run(self.producer.publish(event, **options))

    def publish_many(self, events: Iterable[Any]) -> list[Receipt]:
        """Publish many events."""

        async def receipts() -> list[Receipt]:
            return [receipt async for receipt in self.producer.publish_many(events)]

        return self.loop.run(receipts())

    def flush(self) -> dict[Answer, int]:
        """Publish what the spool holds."""
        return self.loop.run(self.producer.flush_spool())

    def close(self) -> None:
        """Close the producer's connections."""
        self.loop.run(self.producer.close())


@contextmanager
def publishing(kind: str, url: str, **options: Any) -> Iterator[Publisher]:
    """A publisher of either kind (`sync` or `async`) until the block ends."""
    if kind == "sync":
        with Producer(url, **options) as producer:
            yield SyncPublisher(producer)
        return
    with publishing_async(url, **options) as publisher:
        yield publisher


@contextmanager
def publishing_async(url: str, **options: Any) -> Iterator[AsyncPublisher]:
    """An asynchronous one, in a loop that other coroutines can run in too."""
    with asyncio.Runner() as loop:
        publisher = AsyncPublisher(AsyncProducer(url, **options), loop)
        yield publisher
        publisher.close()
