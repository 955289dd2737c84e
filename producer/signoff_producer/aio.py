"""Publish approval events from code that awaits."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self, cast

import redis.asyncio

from signoff_producer.consumed import AsyncConsumed
from signoff_producer.gathering import Gathering, Waiting
from signoff_producer.producer import reading_bytes, unavailable
from signoff_producer.publication import CHUNK, SCRIPT, Publication, Request, Source, Told, many
from signoff_producer.receipts import QueueFull, Receipt
from signoff_schemas import Settings


class AsyncProducer:
    """Puts approval events on the queue: `Producer` for code that awaits, with the same answers."""

    def __init__(
        self,
        redis_url: str | None = None,
        *,
        connection: "redis.asyncio.Redis | None" = None,
        queue: str | None = None,
        max_queue_length: int | None = None,
    ) -> None:
        """Connects on first use. Arguments and errors are those of `Producer`."""
        settings = Settings.load(
            redis_url=redis_url, queue=queue, max_queue_length=max_queue_length
        )
        self._publication = Publication(settings.queue, settings.max_queue_length)
        self._owned = connection is None
        self._redis: redis.asyncio.Redis = reading_bytes(
            connection
            or redis.asyncio.Redis.from_url(
                settings.require("redis_url"), socket_timeout=10, socket_connect_timeout=5
            )
        )
        self._script = self._redis.register_script(SCRIPT)
        self._gathering = Gathering(self._settle)

    async def publish(self, event: Source) -> Receipt:
        """Publish one event. Those that are published at the same time share round trips.

        Raises:
            QueueFull: the queue is at its `max_queue_length`.
            QueueUnavailableError: Redis cannot be reached; publish the event again.
        """
        request = Request.of(event)
        if request.error is not None:
            return self._publication.receipt(request, 0)
        return await self._gathering.publish(request)

    def publish_many(
        self, events: Iterable[Source] | AsyncIterable[Source]
    ) -> AsyncIterator[Receipt]:
        """Publish any number of events, in bounded memory; yields their receipts in order.

        It works as it is consumed: iterate over it with `async for`, or nothing is published.

        Raises:
            TypeError: `events` is a single event.
            QueueFull: at the first event that found no room.
            QueueUnavailableError: Redis cannot be reached; publish again.
        """
        many(events)
        return AsyncConsumed(self._receipts(events))

    async def _receipts(
        self, events: Iterable[Source] | AsyncIterable[Source]
    ) -> AsyncIterator[Receipt]:
        async for chunk in _chunks(events):
            for receipt in await self._send(chunk):
                yield receipt

    async def _send(self, requests: list[Request]) -> Iterator[Receipt]:
        sendable = [request for request in requests if request.error is None]
        answers = await self._answers(sendable) if sendable else []
        return self._publication.receipts(requests, answers)

    async def _settle(self, waiting: Sequence[Waiting]) -> None:
        """Send events that were published one by one, and tell each publisher its answer."""
        answers = await self._answers([one.request for one in waiting])
        for (request, receipt), answer in zip(waiting, answers, strict=True):
            if receipt.done():  # its publisher gave up waiting
                continue
            try:
                receipt.set_result(self._publication.receipt(request, answer))
            except QueueFull as error:
                receipt.set_exception(error)

    async def _answers(self, requests: Sequence[Request]) -> list[Told]:
        arguments = self._publication.arguments(requests)
        with unavailable(self._redis):
            return cast("list[Told]", await self._script(self._publication.keys, arguments))

    async def close(self) -> None:
        """Close the connections that this producer opened, once what is on its way has arrived."""
        await self._gathering.finish()
        if self._owned:
            await self._redis.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


async def _chunks(
    events: Iterable[Source] | AsyncIterable[Source],
) -> AsyncIterator[list[Request]]:
    chunk: list[Request] = []
    async for source in _each(events):
        chunk.append(Request.of(source))
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


async def _each(events: Iterable[Source] | AsyncIterable[Source]) -> AsyncIterator[Source]:
    if isinstance(events, AsyncIterable):
        async for source in events:
            yield source
    else:
        for source in events:
            yield source
