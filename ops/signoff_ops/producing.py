"""The producer that commands publish with."""

from signoff_producer import Producer
from signoff_schemas import Settings


def producer_of(settings: Settings) -> Producer:
    """A producer with these settings, but without a spool.

    The events are in a file or an outbox already, and an outbox must not mark events in a spool as
    published.

    Raises:
        SettingsError: no Redis is set.
    """
    return Producer(settings=settings.model_copy(update={"spool": False}))
