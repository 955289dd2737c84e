"""Read a source of events in chunks: as many as a round trip carries, or as many as are there."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator
from contextlib import aclosing, suppress
from typing import Final

from signoff_producer.publication import CHUNK, Request
from signoff_schemas import Source

FLUSH_AFTER: Final = 0.5
"""Seconds that an event waits for others to share its round trip."""


def next_chunk(requests: Iterator[Request]) -> list[Request]:
    """As many as a round trip carries, or fewer of a slow source; none when there are no more.

    The time is checked only when an event arrives: without a thread nothing can interrupt a source.
    """
    chunk: list[Request] = []
    begin = time.monotonic()
    for request in requests:
        chunk.append(request)
        if len(chunk) == CHUNK or time.monotonic() - begin > FLUSH_AFTER:
            break
    return chunk


async def chunks(
    events: Iterable[Source] | AsyncIterable[Source],
) -> AsyncGenerator[list[Request], None]:
    """The same for code that awaits, until there are no more."""
    if isinstance(events, AsyncIterable):
        async with aclosing(_awaited_chunks(events)) as coming:
            async for chunk in coming:
                yield chunk
        return
    requests = map(Request.of, events)
    while chunk := next_chunk(requests):
        yield chunk


async def _awaited_chunks(events: AsyncIterable[Source]) -> AsyncGenerator[list[Request], None]:
    """Yields the events that have arrived, while it waits for more."""
    reader = _Reader(events)
    try:
        while chunk := await reader.chunk():
            yield chunk
    finally:
        await reader.close()


class _Reader:
    """Reads a source in one task of its own, so that waiting for it can end.

    It reads no further than a chunk before that is asked for.
    """

    def __init__(self, events: AsyncIterable[Source]) -> None:
        self._events = events
        self._chunk: list[Request] = []
        self._started = asyncio.Event()
        """Set when there is something to hand on, or nothing more to come."""
        self._full = asyncio.Event()
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def chunk(self) -> list[Request]:
        """The next chunk; none behind the last.

        Raises:
            Exception: the source's own, after the chunks of what it gave before.
        """
        self._task = self._task or asyncio.create_task(self._read())
        self._asked.set()
        await self._started.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_AFTER):
                await self._full.wait()
        chunk, self._chunk = self._chunk, []
        if self._task.done():
            if not chunk:
                self._task.result()
        else:
            self._started.clear()
            self._full.clear()
        return chunk

    async def _read(self) -> None:
        try:
            async for event in self._events:
                self._chunk.append(Request.of(event))
                self._started.set()
                if len(self._chunk) == CHUNK:
                    self._full.set()
                    self._asked.clear()
                    await self._asked.wait()
        finally:
            self._started.set()
            self._full.set()

    async def close(self) -> None:
        """End the reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.exception()  # it was raised, or nobody asks for it any more
