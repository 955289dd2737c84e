"""What relay and reconcile do with events of the outbox they have locked: publish, and mark."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from signoff_producer import Producer, QueueFull, QueueUnavailableError, Receipt
from signoff_producer.outbox.validated import request_of
from signoff_producer.publication import Request
from signoff_relay.table import OutboxTable, Waiting


@dataclass(slots=True)
class Delivery:
    """What the queue said of a batch."""

    published: list[Waiting] = field(default_factory=list)
    """Those that are on the queue, now or already."""
    refused: dict[Waiting, Receipt] = field(default_factory=dict)
    """Those that the queue does not take."""
    trouble: QueueFull | QueueUnavailableError | None = None
    """Why it did not answer to the others; they are to be published again."""


def publish(producer: Producer, batch: Sequence[Waiting]) -> Delivery:
    """Publish a batch, as far as the queue takes it."""
    delivery = Delivery()
    receipts = producer.publish_requests(map(_request, batch))
    try:
        for receipt, waiting in zip(receipts, batch, strict=False):
            if receipt.ok:
                delivery.published.append(waiting)
            else:
                delivery.refused[waiting] = receipt
    except (QueueFull, QueueUnavailableError) as error:
        delivery.trouble = error
    return delivery


def _request(waiting: Waiting) -> Request:
    return request_of(waiting.event_id, waiting.event, waiting.validated_hash)


def mark(table: OutboxTable, delivery: Delivery) -> None:
    """Write down what the queue said."""
    if delivery.published:
        table.mark_published(delivery.published)
    if delivery.refused:
        reasons = [str(receipt.reason) for receipt in delivery.refused.values()]
        table.mark_refused(list(delivery.refused), reasons)
