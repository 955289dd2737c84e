"""`signoff insight run | rebuild`."""

import threading
from collections.abc import Callable
from typing import Annotated

import typer

from signoff_cli.stopping import stop_on_signals
from signoff_cli.terminal import progress, say
from signoff_ops.insight_run import Progress, catch_up, keep_facts, rebuild_facts
from signoff_ops.process import log_to_stderr
from signoff_ops.services import load_settings
from signoff_schemas import Settings


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
        _until_caught_up(settings, catch_up)
        return
    log_to_stderr(settings)
    with stop_on_signals() as stop:
        keep_facts(settings, stop)


def rebuild() -> None:
    """Compute the facts of all customers anew from the ledger.

    Charts show the facts that are there until a customer's new ones are. If it is stopped, the next
    `signoff insight run` goes on.
    """
    _until_caught_up(load_settings(), rebuild_facts)


def _until_caught_up(
    settings: Settings,
    work: Callable[[Settings, threading.Event, Callable[[Progress], None]], bool],
) -> None:
    with stop_on_signals() as stop, progress() as bar:
        task = bar.add_task("Customers", total=None)
        done = work(
            settings,
            stop,
            lambda found: bar.update(task, completed=found.done, total=found.customers),
        )
    say("The customer facts are up to date." if done else "Stopped; the next run goes on here.")
