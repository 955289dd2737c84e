"""The producer that commands publish with."""

from signoff_producer import Producer
from signoff_schemas import Settings


def producer_of(settings: Settings) -> Producer:
    """A producer that does as the settings say.

    It never spools: a file or an outbox that is published from holds the events already, and an
    outbox must not take those of a spool for published.

    Raises:
        SettingsError: no Redis is set.
    """
    return Producer(settings=settings.model_copy(update={"spool": False}))
