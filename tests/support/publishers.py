"""`Producer` and `AsyncProducer` behind one face, so that a test says once what both must do."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from signoff_producer import Answer, AsyncProducer, Producer, Receipt


class Publisher(Protocol):
    """What both have; `waits` is how long was waited between repetitions."""

    producer: Any
    waits: list[float]

    def publish(self, event: Any, **options: Any) -> Receipt:
        """Publish one event."""

    def publish_many(self, events: Iterable[Any]) -> list[Receipt]:
        """Publish many events."""

    def flush(self) -> dict[Answer, int]:
        """Publish what the spool holds."""


class Waiting:
    """Publishes by `Producer`; waiting takes no time, and is noted."""

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


class Awaiting:
    """The same by `AsyncProducer`, in a loop of its own."""

    def __init__(self, producer: AsyncProducer, loop: asyncio.Runner) -> None:
        self.producer = producer
        self.waits: list[float] = []
        self._loop = loop

        async def wait(seconds: float) -> None:
            self.waits.append(seconds)

        producer._wait = wait

    def publish(self, event: Any, **options: Any) -> Receipt:
        """Publish one event."""
        return self._loop.run(self.producer.publish(event, **options))

    def publish_many(self, events: Iterable[Any]) -> list[Receipt]:
        """Publish many events."""

        async def receipts() -> list[Receipt]:
            return [receipt async for receipt in self.producer.publish_many(events)]

        return self._loop.run(receipts())

    def flush(self) -> dict[Answer, int]:
        """Publish what the spool holds."""
        return self._loop.run(self.producer.flush_spool())


@contextmanager
def publishing(kind: str, url: str, **options: Any) -> Iterator[Publisher]:
    """A publisher of either kind (`sync` or `async`) until the block ends."""
    if kind == "sync":
        with Producer(url, **options) as producer:
            yield Waiting(producer)
        return
    with asyncio.Runner() as loop:
        awaited = AsyncProducer(url, **options)
        yield Awaiting(awaited, loop)
        loop.run(awaited.close())
