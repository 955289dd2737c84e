"""Read a source of events in chunks: at most as many events as one round trip carries."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator
from contextlib import aclosing, suppress
from itertools import islice
from typing import Final

from signoff_producer.publication import CHUNK, Request
from signoff_schemas import Source

FLUSH_AFTER: Final = 0.5
"""The most seconds that an event waits for others, to share a round trip."""


def next_chunk(requests: Iterator[Request]) -> list[Request]:
    """The next chunk; a slow source gives fewer events; an empty chunk is the end.

    The time is checked only when an event arrives, since a source cannot be interrupted.
    """
    chunk: list[Request] = []
    end = time.monotonic() + FLUSH_AFTER
    for request in islice(requests, CHUNK):
        chunk.append(request)
        if time.monotonic() > end:
            break
    return chunk


class Following:
    """The chunk after one that is sent; it may be read while that is on its way."""

    def __init__(self, requests: Iterator[Request]) -> None:
        self._requests = requests
        self._chunk: list[Request] | None = None
        self._error: BaseException | None = None

    def read(self) -> None:
        """Read it now; an error is kept, since the receipts of what is on its way come before it.

        So is Ctrl-C: who publishes is to know how far that came.
        """
        try:
            self._chunk = next_chunk(self._requests)
        except BaseException as error:  # noqa: BLE001 -- `chunk` or `note_in` raises it
            self._error = error

    def note_in(self, error: Exception) -> None:
        """Tell in an error of sending that the source has failed, too.

        Raises:
            BaseException: an interruption, which comes before that error.
        """
        if self._error is None:
            return
        if not isinstance(self._error, Exception):
            raise self._error from error
        error.add_note(f"Its source failed, too: {self._error!r}")

    def chunk(self) -> list[Request]:
        """The chunk, which is read now if it was not read before.

        Raises:
            BaseException: the source raised it, or it was interrupted.
        """
        if self._error is not None:
            raise self._error
        return next_chunk(self._requests) if self._chunk is None else self._chunk


async def chunks(
    events: Iterable[Source] | AsyncIterable[Source],
) -> AsyncGenerator[list[Request], None]:
    """All chunks of a source, for asynchronous code."""
    if isinstance(events, AsyncIterable):
        async with aclosing(_awaited_chunks(events)) as coming:
            async for chunk in coming:
                yield chunk
        return
    requests = map(Request.of, events)
    while chunk := next_chunk(requests):
        yield chunk


async def _awaited_chunks(events: AsyncIterable[Source]) -> AsyncGenerator[list[Request], None]:
    """Yield chunks of the events that have arrived, while waiting for more."""
    reader = _Reader(events)
    try:
        while chunk := await reader.chunk():
            yield chunk
    finally:
        await reader.close()


class _Reader:
    """Reads a source in a separate task, so that a wait for it can end.

    It reads at most one chunk ahead.
    """

    def __init__(self, events: AsyncIterable[Source]) -> None:
        self._events = events
        self._chunk: list[Request] = []
        self._started = asyncio.Event()
        """Set when an event was read, or when the source has ended."""
        self._full = asyncio.Event()
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def chunk(self) -> list[Request]:
        """The next chunk; an empty one after the last.

        Raises:
            Exception: the source raised it; the events before it are in earlier chunks.
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
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.exception()  # it was raised, or nobody asks for it any more
