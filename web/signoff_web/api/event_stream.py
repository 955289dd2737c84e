"""Publish many events: lines in, receipts out, both while the other goes on.

    read a batch → publish it → answer with its receipts
    (the next batch is read while Redis has this one)

Nothing is held but two batches. It ends at the end of the body, or with a problem document as its
last line, which says how many lines were taken: where the queue is full, Redis is away, the sender
has no events left, the lines stop coming, or the service stops.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, suppress
from typing import Final, NamedTuple

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from signoff_producer import QueueUnavailableError
from signoff_producer.publication import CHUNK, Request
from signoff_schemas import Kind
from signoff_schemas.event import MAX_EVENT_BYTES
from signoff_web.api.receipts import as_line, read_line, receipt_line
from signoff_web.bodies import Inflater, pieces_of, too_slow
from signoff_web.context import Context
from signoff_web.lines import Line, LineSplitter
from signoff_web.problems import RETRY_AFTER, ProblemError, problem_of

_BATCH_BYTES: Final = 1_048_576
"""Bytes of lines after which a batch is published, however few they are."""
_START: Final = {
    "type": "http.response.start",
    "status": 200,
    # The second one is for nginx, which would hold receipts back.
    "headers": [(b"content-type", b"application/x-ndjson"), (b"x-accel-buffering", b"no")],
}


class Batch(NamedTuple):
    """Lines that were read, and their events."""

    lines: Sequence[int]
    """The number of each line."""
    requests: Sequence[Request]
    taken: int
    """How many lines of the body are done with after this batch; blank ones count."""


async def batches(
    receive: Receive, kind: Kind, *, inflater: Inflater | None, seconds: float
) -> AsyncGenerator[Batch, None]:
    """Read a body in batches: what has come, up to a bound.

    Raises:
        ProblemError: the next line takes more than so many seconds, or the body cannot be inflated.
        ClientDisconnect: the client is gone before the end of the body.
    """
    splitter = LineSplitter(MAX_EVENT_BYTES)
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    is_more = True
    while is_more:
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise too_slow(seconds) from None
        before = splitter.number
        for piece in pieces_of(message, inflater):
            for lines in _bounded(splitter.split(piece)):
                yield _batch(kind, lines, lines[-1].number)
        is_more = message.get("more_body", False)
        if splitter.number != before:
            deadline = clock() + seconds
    for line in splitter.last():
        yield _batch(kind, [line], line.number)


def _bounded(lines: Iterator[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += 0 if line.text is None else line.length
        if len(batch) == CHUNK or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _batch(kind: Kind, lines: Sequence[Line], taken: int) -> Batch:
    return Batch([line.number for line in lines], [read_line(kind, line) for line in lines], taken)


class EventStream:
    """The answer to a request with many events (an ASGI application)."""

    def __init__(self, context: Context, sender: str, kind: Kind, *, compressed: bool) -> None:
        """`sender` is whose rate they count for."""
        self._context = context
        self._sender = sender
        self._kind = kind
        self._inflater = Inflater() if compressed else None
        self._seconds = context.settings.body_timeout
        self._taken = 0
        self._is_started = False

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Publish the body's events.

        Raises:
            ProblemError: there is none that has a receipt.
        """
        try:
            async with aclosing(self._receipts(receive)) as receipts:
                async for lines in receipts:
                    await self._send(send, lines)
        except ClientDisconnect:
            return  # what has a receipt stays published
        except ProblemError as problem:
            problem.members["lines_taken"] = self._taken
            if not self._is_started:
                raise
            await self._send(send, as_line(problem.document))
        await self._send(send, b"", more=False)

    async def _send(self, send: Send, lines: bytes, *, more: bool = True) -> None:
        if not self._is_started:
            self._is_started = True
            await send(_START)
        try:
            async with asyncio.timeout(self._seconds):
                await send({"type": "http.response.body", "body": lines, "more_body": more})
        except TimeoutError:  # it does not read its receipts
            raise ClientDisconnect from None

    async def _receipts(self, receive: Receive) -> AsyncGenerator[bytes, None]:
        """The receipts of each batch, as lines."""
        coming = batches(receive, self._kind, inflater=self._inflater, seconds=self._seconds)
        stopping = asyncio.create_task(self._context.stopping.wait())
        reading = asyncio.create_task(_next(coming))
        try:
            while True:
                await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if stopping.done():
                    raise _stopping()
                if (batch := reading.result()) is None:
                    return
                reading = asyncio.create_task(_next(coming))
                receipts, problem = await self._publish(batch)
                if receipts:
                    yield receipts
                if problem is not None:
                    raise problem
        finally:
            stopping.cancel()
            reading.cancel()
            with suppress(asyncio.CancelledError, ProblemError, ClientDisconnect):
                await reading
            await coming.aclose()

    async def _publish(self, batch: Batch) -> tuple[bytes, ProblemError | None]:
        """Publish a batch; returns the receipts, and why it goes no further, if it does not."""
        self._context.rates.take(self._sender, len(batch.requests))
        try:
            receipts, full = await self._context.producer.publish_batch(batch.requests)
        except QueueUnavailableError as error:
            return b"", problem_of(error)
        self._taken = batch.lines[len(receipts)] - 1 if full else batch.taken
        lines = map(receipt_line, batch.lines, receipts)
        return b"".join(lines), problem_of(full) if full else None


async def _next(coming: AsyncGenerator[Batch, None]) -> Batch | None:
    return await anext(coming, None)


def _stopping() -> ProblemError:
    return ProblemError(
        503,
        "stopping",
        "The service stops",
        "The service is being stopped. Publish the lines after those that were taken when it runs "
        "again",
        headers={"Retry-After": RETRY_AFTER},
    )
