"""Publish events from asynchronous code."""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Final, Self, TypeVar, Unpack, cast

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from signoff_producer.async_calls import AsyncCalls, ClientsAsyncCalls, OwnAsyncCalls
from signoff_producer.chunks import chunks
from signoff_producer.coalescing import RequestCoalescer, Waiting
from signoff_producer.consumed import AsyncConsumed
from signoff_producer.core import Core
from signoff_producer.deadline import Deadline
from signoff_producer.options import Options, argument_of, check_options
from signoff_producer.outages import Server
from signoff_producer.producer import answer_timeout, reading_bytes
from signoff_producer.publication import Request, ScriptReply, many
from signoff_producer.receipts import (
    Answer,
    EventLoopError,
    QueueFull,
    QueueUnavailableError,
    Receipt,
)
from signoff_producer.replicas import Replicas
from signoff_producer.steps import Keep, Send, Settle, Sleep, Step, Steps, Take
from signoff_schemas import PublishSettings, Source, async_redis_client

T = TypeVar("T")
_SPOOLING: Final = 0.5
"""Seconds after the deadline in which an event may still be written to the spool."""


class AsyncProducer:
    """Puts events on the queue, as `Producer` does, from asynchronous code.

    Until it is closed, it belongs to the event loop in which it is first used. Any number of tasks
    of this loop may share it.
    """

    def __init__(
        self,
        redis_url: str | None = None,
        *,
        connection: "redis.asyncio.Redis | None" = None,
        timeout: float | None = None,
        settings: PublishSettings | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Connects on first use. Arguments and errors are those of `Producer`."""
        check_options(options)
        settings = settings or PublishSettings.load_named(
            {"redis_url": redis_url, "publish_timeout": timeout, **options}, argument_of
        )
        self._redis: redis.asyncio.Redis = reading_bytes(connection or _connected(settings))
        self._owned = connection is None
        self._try_seconds = answer_timeout(settings) if self._owned else math.inf
        self._core = Core(settings, Server.of(self._redis), owned=self._owned)
        replicas = Replicas(settings.wait_replicas, settings.wait_timeout)
        self._calls: AsyncCalls = (
            OwnAsyncCalls(self._redis.connection_pool, replicas)
            if self._owned
            else ClientsAsyncCalls(self._redis, replicas)
        )
        self._wait: Callable[[float], Awaitable[object]] = asyncio.sleep
        self._coalescer = RequestCoalescer(self._settle)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sending = 0
        """The number of calls of Redis that are under way."""
        self._none_under_way = asyncio.Event()
        self._grace = _SPOOLING if self._core.spool else 0.0

    async def publish(
        self,
        event: Source,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 -- as `Producer` has it
    ) -> Receipt:
        """Publish one event. Events that are published at the same time share round trips.

        Arguments and result are those of `Producer.publish`. After `timeout` seconds
        this stops waiting for the answer; the event may still be sent.

        Raises:
            QueueFull: the queue is at its `max_queue_length`.
            QueueUnavailableError: Redis cannot be reached, did not answer in time, or too few
                replicas have the event (`ReplicasBehindError`); publish it again.
            EventLoopError: this producer belongs to another event loop.
        """
        self._enter_loop()
        deadline = self._core.deadline(timeout)
        request = Request.of(event)
        if request.error is not None:
            return self._core.publication.receipt(request, 0)
        try:
            async with asyncio.timeout(None if timeout is None else timeout + self._grace):
                return await self._coalescer.publish(request, deadline)
        except TimeoutError:
            raise QueueUnavailableError(
                f"there was no answer within the {timeout:g} s that this publish may take. Publish "
                "the event again: what Redis may have taken takes effect once"
            ) from None

    def publish_many(
        self,
        events: Iterable[Source] | AsyncIterable[Source],
        *,
        timeout: float | None = None,
    ) -> AsyncIterator[Receipt]:
        """Publish any number of events, in bounded memory; yields their receipts in order.

        Iterate over the result with `async for`; otherwise nothing is published. It sends 500
        events at a time. If an asynchronous source is slow, it sends the events that have arrived
        half a second after the first of them, and waits for the next ones. A synchronous source
        blocks the event loop; it is sent as by `Producer`.

        Args:
            events: each as for `Producer.publish`.
            timeout: the most seconds of each round trip in all, instead of the producer's.

        Raises:
            TypeError: `events` is a single event.
            QueueFull: at the first event for which the queue had no room.
            QueueUnavailableError: Redis cannot be reached; publish again.
            EventLoopError: this producer belongs to another event loop.
        """
        many(events)
        return AsyncConsumed(self._receipts(events, timeout))

    async def _receipts(
        self,
        events: Iterable[Source] | AsyncIterable[Source],
        timeout: float | None,  # noqa: ASYNC109 -- as above
    ) -> AsyncIterator[Receipt]:
        async with aclosing(chunks(events)) as coming:
            async for requests in coming:
                replies = await self._done(
                    self._core.publish(requests, self._core.deadline(timeout))
                )
                for receipt in self._core.publication.receipts(requests, replies):
                    yield receipt

    async def _settle(self, waiting: Sequence[Waiting]) -> None:
        """Send coalesced events, and give each publisher its receipt."""
        deadline = Deadline.latest(one.deadline for one in waiting)
        replies = await self._done(self._core.publish([one.request for one in waiting], deadline))
        for (request, _, receipt), reply in zip(waiting, replies, strict=True):
            if receipt.done():  # its publisher gave up waiting
                continue
            try:
                receipt.set_result(self._core.publication.receipt(request, reply))
            except QueueFull as error:
                receipt.set_exception(error)

    async def flush_spool(self) -> Counter[Answer]:
        """Publish all events of the spool, and count the answers; as `Producer.flush_spool`."""
        return await self._done(self._core.flush_spool())

    async def _done(self, steps: Steps[T]) -> T:
        """Run the steps; returns their result."""
        self._enter_loop()
        try:
            step = next(steps)
            while True:
                try:
                    answer = await self._do(step)
                except (redis.RedisError, QueueUnavailableError, OSError) as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as done:
            return cast("T", done.value)
        finally:
            steps.close()

    async def _do(self, step: Step) -> object:
        match step:
            case Send():
                return await self._send(step)
            case Sleep(seconds):
                await self._wait(seconds)
            case Keep(spool, requests, failure):  # it waits for the file's lock, and for the disk
                await asyncio.to_thread(spool.keep, requests, failure)
            case Take(spool, any_redis):
                return spool.take(any_redis=any_redis)
            case Settle(taken, receipts):
                taken.settle(receipts)
        return None

    async def _send(self, send: Send) -> Sequence[ScriptReply]:
        remaining = send.deadline.remaining()
        seconds = min(self._try_seconds, math.inf if remaining is None else remaining)
        self._sending += 1
        try:
            async with asyncio.timeout(None if seconds == math.inf else seconds):
                return await self._calls.replies(send)
        except TimeoutError:
            raise redis.TimeoutError("it did not answer in time") from None
        finally:
            self._sending -= 1
            if not self._sending:
                self._none_under_way.set()

    def _enter_loop(self) -> None:
        """Check that the event loop is still the same: connections and waiting publishers need it.

        Raises:
            EventLoopError: it is another event loop.
        """
        running = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = running
            self._none_under_way = asyncio.Event()  # it belongs to the loop in which it is awaited
        if self._loop is not running:
            raise EventLoopError

    async def close(self) -> None:
        """Wait for events that are being sent, then close connections that this producer opened.

        Raises:
            EventLoopError: this producer belongs to another event loop.
        """
        self._enter_loop()
        await self._coalescer.finish()
        while self._sending:  # of `publish_many` and `flush_spool`
            self._none_under_way.clear()
            await self._none_under_way.wait()
        await self._calls.close()
        if self._owned:
            await self._redis.aclose()
        self._loop = None

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
    """A client without retries, like that of `Producer`.

    It has no timeout for answers: `AsyncProducer` limits each try as a whole, which takes less time
    than redis-py's limits of each step.
    """
    return async_redis_client(
        settings.require("redis_url"),
        socket_timeout=None,
        socket_connect_timeout=settings.redis_timeout,
        retry=Retry(NoBackoff(), 0),
    )
