"""Events that are published at the same time share a round trip.

The first goes at once. What comes while it is on its way waits for its answer, and then goes
together: there is no timer and nothing to set, and a lone event never waits for another.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from signoff_producer.deadline import Deadline
from signoff_producer.publication import CHUNK, Request
from signoff_producer.receipts import QueueUnavailableError, Receipt


class Waiting(NamedTuple):
    """An event whose publisher awaits its receipt."""

    request: Request
    deadline: Deadline
    receipt: "asyncio.Future[Receipt]"


class RequestCoalescer:
    """Hands what waits to `send`, one call at a time; `send` settles each event's receipt."""

    def __init__(self, send: Callable[[Sequence[Waiting]], Awaitable[None]]) -> None:
        self._send = send
        self._waiting: deque[Waiting] = deque()
        self._sender: asyncio.Task[None] | None = None

    async def publish(self, request: Request, deadline: Deadline) -> Receipt:
        """Wait for the answer to one event; by its deadline nobody waits for it any more."""
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(request, deadline, receipt))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._run())
            self._sender.add_done_callback(self._give_up)
        return await receipt

    async def _run(self) -> None:
        while self._waiting:
            most = min(CHUNK, len(self._waiting))
            together = [self._waiting.popleft() for _ in range(most)]
            try:
                await self._send(together)
            except Exception as error:  # noqa: BLE001 -- raised where each receipt is awaited
                _fail(together, error)
            except BaseException:  # this task was cancelled
                self._waiting.extendleft(reversed(together))
                raise

    def _give_up(self, sender: "asyncio.Task[None]") -> None:
        """Tell those that still wait that nobody sends their events any more.

        The sender's end is where this is called, also of one that was cancelled before it began.
        """
        if sender is self._sender and self._waiting:  # else another sends them
            left, self._waiting = self._waiting, deque()
            _fail(
                left,
                QueueUnavailableError(
                    "the task that sends events was cancelled before Redis answered. Publish them "
                    "again: what it may have taken takes effect once"
                ),
            )

    async def finish(self) -> None:
        """Wait until nothing is on its way."""
        if self._sender is not None:
            await asyncio.wait([self._sender])


def _fail(waiting: Sequence[Waiting] | deque[Waiting], error: Exception) -> None:
    for one in waiting:
        if not one.receipt.done():  # else its publisher gave up waiting
            one.receipt.set_exception(error)
