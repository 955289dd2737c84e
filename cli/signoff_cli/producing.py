"""The producer that commands publish with."""

from signoff_producer import Producer
from signoff_schemas import Settings


def producer_of(settings: Settings) -> Producer:
    """A producer for the servers and the queue of the settings.

    Raises:
        SettingsError: no Redis is set.
    """
    return Producer(
        settings.require("redis_url"),
        queue=settings.queue,
        max_queue_length=settings.max_queue_length,
    )
