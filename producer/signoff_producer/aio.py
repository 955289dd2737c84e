"""Publish approval events from code that awaits."""

import asyncio
import logging
from collections import Counter
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import closing
from types import TracebackType
from typing import Final, Self, Unpack, cast

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from signoff_producer.breaker import Breaker
from signoff_producer.coalescing import RequestCoalescer, Waiting
from signoff_producer.consumed import AsyncConsumed
from signoff_producer.options import Options
from signoff_producer.outages import passes, unavailable
from signoff_producer.producer import answer_timeout, reading_bytes
from signoff_producer.publication import (
    CHUNK,
    SCRIPT,
    Publication,
    Request,
    ScriptReply,
    Source,
    many,
)
from signoff_producer.receipts import Answer, QueueFull, QueueUnavailableError, Receipt
from signoff_producer.replicas import Replicas
from signoff_producer.retries import ONCE_AT_ONCE, Retries
from signoff_producer.spool import Spool, Taken
from signoff_schemas import PublishSettings, async_redis_client

_logger: Final = logging.getLogger(__name__)
_UNTIL_GIVEN_BACK: Final = 0.05
"""Seconds until a spool that another publisher replays is looked at again."""


class AsyncProducer:
    """Puts approval events on the queue: `Producer` for code that awaits, with the same answers."""

    def __init__(
        self,
        redis_url: str | None = None,
        *,
        connection: "redis.asyncio.Redis | None" = None,
        settings: PublishSettings | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Connects on first use. Arguments and errors are those of `Producer`."""
        settings = settings or PublishSettings.load(redis_url=redis_url, **options)
        self._publication = Publication.of(settings)
        self._replicas = Replicas(settings.wait_replicas, settings.wait_timeout)
        self._breaker = Breaker(settings.breaker_failures, settings.breaker_cooldown)
        self._spool = Spool.of(settings)
        self._owned = connection is None
        self._redis: redis.asyncio.Redis = reading_bytes(connection or _connected(settings))
        self._retries = Retries(settings.publish_retries) if self._owned else ONCE_AT_ONCE
        self._wait: Callable[[float], Awaitable[object]] = asyncio.sleep
        self._script = self._redis.register_script(SCRIPT)
        self._coalescer = RequestCoalescer(self._settle)

    async def publish(self, event: Source) -> Receipt:
        """Publish one event. Those that are published at the same time share round trips.

        Raises:
            QueueFull: the queue is at its `max_queue_length`.
            QueueUnavailableError: Redis cannot be reached, or too few replicas have the event
                (`ReplicasBehindError`); publish it again.
        """
        request = Request.of(event)
        if request.error is not None:
            return self._publication.receipt(request, 0)
        return await self._coalescer.publish(request)

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

    async def _answers(self, requests: Sequence[Request]) -> list[ScriptReply]:
        try:
            self._breaker.admit()
            with unavailable(self._redis):
                answers = await self._told(self._publication.arguments(requests))
        except QueueUnavailableError as error:
            self._breaker.failed(error)
            if self._spool is None:
                raise
            return await asyncio.to_thread(self._spool.keep, requests, error)
        self._breaker.succeeded()
        if self._spool is not None and self._spool.holds():
            await self._replay_a_batch(self._spool)
        return answers

    async def _told(self, arguments: list[bytes]) -> list[ScriptReply]:
        """The answers; while Redis is away the call is repeated, which is safe by `event_id`."""
        delays = self._retries.delays()
        while True:
            try:
                return await self._run(arguments)
            except redis.RedisError as error:
                delay = next(delays, None) if passes(error) else None
                if delay is None:
                    raise
            await self._wait(delay)
            # Where Redis is may have changed.
            await self._redis.connection_pool.disconnect(inuse_connections=False)

    async def _run(self, arguments: list[bytes]) -> list[ScriptReply]:
        keys = self._publication.keys
        if not self._replicas.wanted:
            return cast("list[ScriptReply]", await self._script(keys, arguments))
        try:
            return await self._both("EVALSHA", self._script.sha, len(keys), *keys, *arguments)
        except redis.exceptions.NoScriptError:
            return await self._both("EVAL", SCRIPT, len(keys), *keys, *arguments)

    async def _both(self, *command: str | bytes | int) -> list[ScriptReply]:
        """Run the script and wait for replicas, on one connection in one round trip."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.execute_command(*command)
            pipe.execute_command(*self._replicas.wait)
            return self._replicas.having(await pipe.execute(raise_on_error=False))

    async def flush_spool(self) -> Counter[Answer]:
        """Publish what the spool holds, and count the answers; as `Producer.flush_spool`."""
        answers: Counter[Answer] = Counter()
        while self._spool is not None and self._spool.holds():
            if taken := self._spool.take():
                answers.update(await self._replayed(taken))
            else:  # another publisher has it in hand
                await self._wait(_UNTIL_GIVEN_BACK)
        return answers

    async def _replay_a_batch(self, spool: Spool) -> None:
        try:
            if taken := spool.take():
                await self._replayed(taken)
        except (QueueFull, QueueUnavailableError, OSError) as error:
            _logger.warning("The spool %s stays as it is: %s", spool.path, error)

    async def _replayed(self, taken: Taken) -> list[Answer]:
        with closing(taken):
            sendable = [request for request in taken.requests if request.error is None]
            answers: list[ScriptReply] = []
            if sendable:
                with unavailable(self._redis):
                    answers = await self._run(self._publication.arguments(sendable))
            receipts = list(self._publication.receipts(taken.requests, answers))
            taken.settle(receipts)
        return [receipt.answer for receipt in receipts]

    async def close(self) -> None:
        """Close the connections that this producer opened, once what is on its way has arrived."""
        await self._coalescer.finish()
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


def _connected(settings: PublishSettings) -> redis.asyncio.Redis:
    """A client that repeats nothing by itself, as that of `Producer`."""
    return async_redis_client(
        settings.require("redis_url"),
        socket_timeout=answer_timeout(settings),
        socket_connect_timeout=settings.redis_timeout,
        retry=Retry(NoBackoff(), 0),
    )


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
