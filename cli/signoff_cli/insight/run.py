"""`signoff insight run | rebuild`."""

from typing import Annotated

import typer

from signoff_cli.catching_up import until_caught_up
from signoff_cli.stopping import stop_on_signals
from signoff_ops.insight_run import catch_up, keep_facts, rebuild_facts
from signoff_ops.process import log_to_stderr
from signoff_ops.services import load_settings


def run(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Catch up with the ledger, and end.")
    ] = False,
) -> None:
    """Keep the customer facts until stopped: compute each customer anew that has new events.

    The first time, and with another SIGNOFF_TIMEZONE, all customers are computed. Any number may
    run, of which one works. Ctrl-C or SIGTERM ends it after the batch in hand.
    """
    settings = load_settings()
    if once:
        until_caught_up(settings, catch_up, "The customer facts")
        return
    log_to_stderr(settings)
    with stop_on_signals() as stop:
        keep_facts(settings, stop)


def rebuild() -> None:
    """Compute the facts of all customers anew from the ledger.

    Charts show the facts that are there until a customer's new ones are. If it is stopped, the next
    `signoff insight run` goes on.
    """
    until_caught_up(load_settings(), rebuild_facts, "The customer facts")
