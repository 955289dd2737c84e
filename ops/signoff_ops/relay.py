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
"""While one publishes, Postgres marks the batch of the other and claims its next one."""


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
        settings: with the outbox, the queue and the ledger.
        stop: ends the relay after the current batches.
        burst: end when nothing waits.
        batch_size: events moved in one transaction.
        poll: seconds between polls, if no notification arrives.
        prune_after: delete applied events of this age.

    Returns:
        How many events the queue refused.

    Raises:
        SettingsError: there is no outbox, or one that an earlier release made. An outbox that
            cannot be reached is waited for.
    """
    with suppress(DatabaseUnavailableError), outbox_of(settings):
        pass  # a missing outbox is an error; for an unavailable one the relay waits
    with producer_of(settings) as producer, pruning(settings, prune_after):
        turn = threading.Lock()
        lanes = [
            Lane(settings.outbox, producer, most=batch_size, turn=turn, listening=number == 0)
            for number in range(_LANES)
        ]
        Relay(lanes, stop, poll=poll).run(burst=burst)
    return sum(lane.refused for lane in lanes)
