"""`signoff relay`."""

import threading
from contextlib import suppress
from typing import Annotated, Final

import typer

from signoff_cli.ages import required_age
from signoff_cli.stopping import stop_on_signals
from signoff_db.connection import DatabaseUnavailableError
from signoff_ops.producing import producer_of
from signoff_ops.services import load_settings
from signoff_relay.connections import outbox_of
from signoff_relay.lane import Lane
from signoff_relay.pruning import pruning
from signoff_relay.relaying import Relay
from signoff_worker.interpreter import spend_time_on_events
from signoff_worker.logs import configure

_LANES: Final = 2
"""While the one publishes, Postgres marks the batch of the other and finds its next."""


def relay(
    *,
    burst: Annotated[
        bool, typer.Option("--burst", help="Move what waits, then leave; exit 1 if any is refused.")
    ] = False,
    batch_size: Annotated[
        int, typer.Option(min=1, max=5000, help="Events moved in one transaction.")
    ] = 1000,
    poll: Annotated[
        float, typer.Option(min=0.1, max=3600, help="Seconds between looks, if nothing notifies.")
    ] = 1.0,
    prune_after: Annotated[
        str | None,
        typer.Option(
            metavar="AGE", help="Delete events published so long ago (7d), once they were applied."
        ),
    ] = None,
    queue: Annotated[
        str | None, typer.Option(help="The queue's name [SIGNOFF_QUEUE, approvals].")
    ] = None,
) -> None:
    """Move events from an upstream's outbox to the queue.

    Any number of relays may run. Ctrl-C or SIGTERM ends one after the batch in hand. What the queue
    refuses stays in the outbox and holds up nothing: `signoff outbox refused` lists it.
    """
    settings = load_settings(queue=queue)
    age = None if prune_after is None else required_age(prune_after, "--prune-after")
    configure(settings.log_format, settings.log_level)
    spend_time_on_events()
    with suppress(DatabaseUnavailableError), outbox_of(settings):
        pass  # an outbox that is not there is a mistake, one that is away is waited for
    with producer_of(settings) as producer, stop_on_signals() as stop, pruning(settings, age):
        turn = threading.Lock()
        lanes = [
            Lane(settings.outbox, producer, most=batch_size, turn=turn, listening=number == 0)
            for number in range(_LANES)
        ]
        Relay(lanes, stop, poll=poll).run(burst=burst)
    if burst and any(lane.refused for lane in lanes):
        raise typer.Exit(1)
