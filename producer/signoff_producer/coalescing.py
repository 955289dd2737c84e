"""Events that are published at the same time share a round trip.

The first event is sent at once. Events that arrive before its answer wait for that answer, and are
then sent together. There is no timer and no setting; a single event never waits for another.
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
    """Passes waiting events to `send`, one call at a time; `send` sets each event's receipt."""

    def __init__(self, send: Callable[[Sequence[Waiting]], Awaitable[None]]) -> None:
        self._send = send
        self._waiting: deque[Waiting] = deque()
        self._sender: asyncio.Task[None] | None = None

    async def publish(self, request: Request, deadline: Deadline) -> Receipt:
        """Wait for the receipt of one event; `deadline` is when its publisher stops waiting."""
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(request, deadline, receipt))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._run())
            self._sender.add_done_callback(self._fail_waiting)
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

    def _fail_waiting(self, sender: "asyncio.Task[None]") -> None:
        """Raise an error in the publishers that still wait, since the sending task has ended.

        This is called when the task ends, also if it was cancelled before it began.
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
        """Wait until no event is being sent."""
        if self._sender is not None:
            await asyncio.wait([self._sender])


def _fail(waiting: Sequence[Waiting] | deque[Waiting], error: Exception) -> None:
    for one in waiting:
        if not one.receipt.done():  # else its publisher gave up waiting
            one.receipt.set_exception(error)
