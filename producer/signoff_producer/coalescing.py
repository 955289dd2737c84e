"""Events that are published at the same time share a round trip.

The first goes at once. What comes while it is on its way waits for its answer, and then goes
together: no timer, nothing to set, and a lone event is never held up.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from signoff_producer.publication import CHUNK, Request
from signoff_producer.receipts import Receipt


class Waiting(NamedTuple):
    """An event whose publisher awaits its receipt."""

    request: Request
    receipt: "asyncio.Future[Receipt]"


class RequestCoalescer:
    """Hands what waits to `send`, one call at a time; `send` settles each event's receipt."""

    def __init__(self, send: Callable[[Sequence[Waiting]], Awaitable[None]]) -> None:
        self._send = send
        self._waiting: deque[Waiting] = deque()
        self._sender: asyncio.Task[None] | None = None

    async def publish(self, request: Request) -> Receipt:
        """Wait for the answer to one event."""
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(request, receipt))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._run())
        return await receipt

    async def _run(self) -> None:
        while self._waiting:
            most = min(CHUNK, len(self._waiting))
            together = [self._waiting.popleft() for _ in range(most)]
            try:
                await self._send(together)
            except Exception as error:  # noqa: BLE001 -- raised where each receipt is awaited
                for one in together:
                    if not one.receipt.done():
                        one.receipt.set_exception(error)

    async def finish(self) -> None:
        """Wait until nothing is on its way."""
        if self._sender is not None:
            await asyncio.wait([self._sender])
