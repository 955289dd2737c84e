"""Answers without an end, as server-sent events: they end when the service or the reader does.

A reader that is silent for too long while there is something to send is given up. Between two looks
for something new, no connection to a server is held.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, TypeVar

from anyio import CapacityLimiter
from fastapi import Response
from starlette.types import Receive, Scope, Send

T = TypeVar("T")
_THREADS: Final = 4
_SLOWEST: Final = 30.0
"""Seconds in which a reader has to take what is sent."""
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@dataclass(slots=True)
class Followers:
    """How many readers follow a stream, and how they share the service's threads."""

    number: int = 0
    threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_THREADS))
    """So many of them look for something new at once; while a server is away, looking takes
    seconds, and other requests need threads too."""

    @contextmanager
    def another(self) -> Iterator[None]:
        """Count one more until the block ends."""
        self.number += 1
        try:
            yield
        finally:
            self.number -= 1


class Ending:
    """Tells a stream when to end."""

    def __init__(self, *ends: "asyncio.Task[object]") -> None:
        """It is to end when the first of these is done."""
        self._ends = ends

    @property
    def reached(self) -> bool:
        """Whether the stream is to end."""
        return any(end.done() for end in self._ends)

    async def or_done(self, work: Awaitable[T]) -> T | None:
        """What the work gives; None if the stream is to end before."""
        task = asyncio.ensure_future(work)
        await asyncio.wait([task, *self._ends], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        task.cancel()
        return None

    async def wait(self, seconds: float) -> bool:
        """Wait so long, or until the stream is to end; returns whether it is."""
        await asyncio.wait(self._ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return self.reached


class EventStream(Response):
    """Sends what `events` yields; `events` looks at its `Ending` between two of them."""

    media_type = "text/event-stream"

    def __init__(
        self, events: Callable[[Ending], AsyncIterator[bytes]], stopping: asyncio.Event
    ) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._events = events
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the stream (ASGI)."""
        del scope
        left = asyncio.create_task(_left(receive))
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            with suppress(TimeoutError):
                await send(
                    {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
                )
                async for event in self._events(Ending(left, stopped)):
                    await _send(send, event, more=True)
                await _send(send, b"", more=False)
        finally:
            left.cancel()
            stopped.cancel()


async def _send(send: Send, body: bytes, *, more: bool) -> None:
    async with asyncio.timeout(_SLOWEST):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _left(receive: Receive) -> None:
    """Wait until the reader has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


def event_text(*, data: str | None = None, identifier: str | None = None, kind: str = "") -> bytes:
    """A server-sent event; without data it is a comment that keeps the connection open.

    `data` is one line, as JSON is that `signoff_schemas.wording` writes.
    """
    lines = [":"] if data is None else [f"data: {data}"]
    if identifier:
        lines.insert(0, f"id: {identifier}")
    if kind:
        lines.insert(0, f"event: {kind}")
    return ("\n".join(lines) + "\n\n").encode()
