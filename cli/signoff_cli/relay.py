"""`signoff relay`."""

from typing import Annotated

import typer

from signoff_cli.ages import required_age
from signoff_cli.options import finite, option
from signoff_cli.stopping import stop_on_signals
from signoff_ops.process import log_to_stderr, spend_time_on_events
from signoff_ops.relay import run_relay
from signoff_ops.services import load_settings


def relay(
    *,
    burst: Annotated[
        bool, typer.Option("--burst", help="Move what waits, then leave; exit 1 if any is refused.")
    ] = False,
    batch_size: Annotated[
        int, typer.Option(min=1, max=5000, help="Events moved in one transaction.")
    ] = 1000,
    poll: Annotated[
        float,
        typer.Option(
            min=0.1, max=3600, callback=finite, help="Seconds between looks, if nothing notifies."
        ),
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

    Any number of relays may run. Ctrl-C or SIGTERM ends one after its current batch. What the queue
    refuses stays in the outbox and delays no other event: `signoff outbox refused` lists it.
    """
    settings = load_settings(named=option, queue=queue)
    age = None if prune_after is None else required_age(prune_after, "--prune-after")
    log_to_stderr(settings)
    spend_time_on_events()
    with stop_on_signals() as stop:
        refused = run_relay(
            settings, stop, burst=burst, batch_size=batch_size, poll=poll, prune_after=age
        )
    if burst and refused:
        raise typer.Exit(1)
