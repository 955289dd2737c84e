"""Run a relay: move events from an upstream's outbox to the queue until stopped."""

import threading
from contextlib import suppress
from datetime import timedelta
from typing import Final

from signoff_db.connection import DatabaseUnavailableError
from signoff_ops.producing import producer_of
from signoff_relay.connections import outbox_of
from signoff_relay.lane import Lane
from signoff_relay.pruning import pruning
from signoff_relay.relaying import Relay
from signoff_schemas import Settings

_LANES: Final = 2
"""While the one publishes, Postgres marks the batch of the other and finds its next."""


def run_relay(
    settings: Settings,
    stop: threading.Event,
    *,
    burst: bool = False,
    batch_size: int = 1000,
    poll: float = 1.0,
    prune_after: timedelta | None = None,
) -> int:
    """Move events until `stop` is set; with `burst`, until nothing waits.

    Args:
        settings: of the outbox, the queue and the ledger.
        stop: ends the relay after the batches in hand.
        burst: end when nothing waits.
        batch_size: events moved in one transaction.
        poll: seconds between looks, if no notification comes.
        prune_after: delete events that were published so long ago, once they were applied.

    Returns:
        How many events the queue refused.

    Raises:
        SettingsError: there is no outbox, or one that an earlier release made. An outbox that
            cannot be reached is waited for.
    """
    with suppress(DatabaseUnavailableError), outbox_of(settings):
        pass  # an outbox that is not there is a mistake, one that is away is waited for
    with producer_of(settings) as producer, pruning(settings, prune_after):
        turn = threading.Lock()
        lanes = [
            Lane(settings.outbox, producer, most=batch_size, turn=turn, listening=number == 0)
            for number in range(_LANES)
        ]
        Relay(lanes, stop, poll=poll).run(burst=burst)
    return sum(lane.refused for lane in lanes)
