"""Publish events that were read before: a service reads them itself, to see which they are."""

from collections.abc import Sequence
from typing import NamedTuple

from signoff_producer.aio import AsyncProducer
from signoff_producer.publication import Request
from signoff_producer.receipts import QueueFull, Receipt


class BatchReceipts(NamedTuple):
    """The receipts of the first requests of a batch; of all of them, unless the queue is full."""

    receipts: Sequence[Receipt]
    full: QueueFull | None = None
    """Why the request after the last receipt was not taken; those after it were not either."""


class RequestProducer(AsyncProducer):
    """An `AsyncProducer` that publishes requests too."""

    async def publish_request(self, request: Request) -> Receipt:
        """Publish one event, as `publish` does; it shares round trips with others.

        Raises:
            QueueFull, QueueUnavailableError, EventLoopError: as `publish`.
        """
        self._enter_loop()
        if request.error is not None:
            return self._core.publication.receipt(request, 0)
        return await self._coalescer.publish(request, self._core.deadline())

    async def publish_batch(self, requests: Sequence[Request]) -> BatchReceipts:
        """Publish at most `CHUNK` events in one round trip.

        Raises:
            QueueUnavailableError, EventLoopError: as `publish`; none has a receipt then.
        """
        replies = await self._done(self._core.publish(requests, self._core.deadline()))
        receipts: list[Receipt] = []
        try:
            receipts.extend(self._core.publication.receipts(requests, replies))
        except QueueFull as full:
            return BatchReceipts(receipts, full)
        return BatchReceipts(receipts)
