"""Publish locked events of the outbox and mark them; used by relay and reconcile."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from signoff_producer import Producer, QueueFull, QueueUnavailableError, Receipt
from signoff_producer.outbox.validated import request_of
from signoff_producer.publication import Request
from signoff_relay.table import OutboxTable, Waiting


@dataclass(slots=True)
class Delivery:
    """The result of publishing a batch."""

    published: list[Waiting] = field(default_factory=list)
    """Events that are on the queue: accepted now, or duplicates."""
    refused: dict[Waiting, Receipt] = field(default_factory=dict)
    """Events that the queue refuses, each with its receipt."""
    trouble: QueueFull | QueueUnavailableError | None = None
    """Why publishing stopped before the other events; they must be published again."""


def publish(producer: Producer, batch: Sequence[Waiting]) -> Delivery:
    """Publish the events of a batch until the queue takes no more."""
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
    """Mark the events of the outbox as published or refused."""
    if delivery.published:
        table.mark_published(delivery.published)
    if delivery.refused:
        reasons = [str(receipt.reason) for receipt in delivery.refused.values()]
        table.mark_refused(list(delivery.refused), reasons)
