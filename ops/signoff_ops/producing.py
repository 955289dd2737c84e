"""The producer that commands publish with."""

from signoff_producer import Producer
from signoff_schemas import Settings


def producer_of(settings: Settings) -> Producer:
    """A producer for the servers and the queue of the settings.

    It never spools: a file or an outbox that is published from holds the events already, and an
    outbox must not take those of a spool for published.

    Raises:
        SettingsError: no Redis is set.
    """
    return Producer(
        settings.require("redis_url"),
        queue=settings.queue,
        max_queue_length=settings.max_queue_length,
        spool=False,
    )
