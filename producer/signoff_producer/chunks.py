"""How a source of events is read: as many at a time as a round trip carries, or what is there."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator
from contextlib import aclosing
from typing import Final

from signoff_producer.publication import CHUNK, Request, Source

FLUSH_AFTER: Final = 0.1
FLUSH_AFTER_AN_EVENT: Final = 0.001
"""Seconds that events wait for others to share their round trip: of a source that fills one in half
a second, all of that; of a slower one, a tenth of a second."""
_END: Final = object()
_LATE: Final = object()


def next_chunk(requests: Iterator[Request]) -> list[Request]:
    """As many as a round trip carries, or fewer of a slow source; none when there are no more.

    Time is looked at when an event arrives: without a thread nothing can interrupt the source.
    """
    chunk: list[Request] = []
    begin = time.monotonic()
    for request in requests:
        chunk.append(request)
        if len(chunk) == CHUNK or time.monotonic() - begin > _longest_wait(chunk):
            break
    return chunk


def _longest_wait(chunk: list[Request]) -> float:
    return max(FLUSH_AFTER, len(chunk) * FLUSH_AFTER_AN_EVENT)


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
    """What has arrived is handed on while more is waited for."""
    now = asyncio.get_running_loop().time
    reader = _Reader(events)
    chunk: list[Request] = []
    first = flush_at = now()
    try:
        while (event := await reader.next(flush_at - now() if chunk else None)) is not _END:
            if event is not _LATE:
                first = first if chunk else now()
                chunk.append(Request.of(event))  # type: ignore[arg-type]  # it is no mark
                flush_at = first + _longest_wait(chunk)
            if event is _LATE or len(chunk) == CHUNK or now() >= flush_at:
                yield chunk
                chunk = []
        if chunk:
            yield chunk
    finally:
        await reader.close()


class _Reader:
    """Reads a source, an event when one is asked for, and lets the asking end before it comes.

    One task reads all of it: what the source opens in one step, such as a timeout, it may close in
    another.
    """

    def __init__(self, events: AsyncIterable[Source]) -> None:
        self._events = events
        self._asked = asyncio.Event()
        self._coming: asyncio.Future[object] | None = None
        self._task: asyncio.Task[None] | None = None

    async def next(self, timeout: float | None) -> object:  # noqa: ASYNC109 -- it is no failure
        """The next event; `_LATE` where it did not come in time, `_END` behind the last."""
        if self._coming is None:
            self._coming = asyncio.get_running_loop().create_future()
            self._asked.set()
            self._task = self._task or asyncio.create_task(self._read(self._coming))
        done, _ = await asyncio.wait({self._coming}, timeout=timeout)
        if not done:
            return _LATE
        coming, self._coming = self._coming, None
        return coming.result()

    async def _read(self, coming: "asyncio.Future[object]") -> None:
        try:
            async for event in self._events:
                self._asked.clear()
                coming.set_result(event)
                await self._asked.wait()
                coming = self._coming or coming
            coming.set_result(_END)
        except Exception as error:  # noqa: BLE001 -- raised where the event is asked for
            coming.set_exception(error)
        except BaseException:
            coming.cancel()
            raise

    async def close(self) -> None:
        """End the reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
