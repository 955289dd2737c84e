"""`signoff rapport create | run | rebuild`."""

from typing import Annotated

import typer

from signoff_cli.catching_up import until_caught_up
from signoff_cli.stopping import stop_on_signals
from signoff_cli.terminal import AsJson, confirm, say, show_json
from signoff_ops.process import log_to_stderr
from signoff_ops.rapport import create_rapport
from signoff_ops.rapport_run import catch_up, keep_contexts, rebuild_contexts
from signoff_ops.services import load_settings
from signoff_schemas import masked


def create(*, as_json: AsJson = False) -> None:
    """Make the tables of the second database (SIGNOFF_RAPPORT_URL).

    What is there already stays as it is. The database itself has to be there.
    """
    settings = load_settings()
    create_rapport(settings)
    database = masked(settings.require("rapport_url"))
    if as_json:
        show_json({"database": database})
    else:
        say(f"The tables for contexts are in {database}.")


def run(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Catch up with the ledger, and end.")
    ] = False,
) -> None:
    """Keep the contexts until stopped: compute each customer anew that changed.

    The first time, all customers are computed. Any number may run, of which one works. Ctrl-C or
    SIGTERM ends it after the turn in hand.
    """
    settings = load_settings()
    if once:
        until_caught_up(settings, catch_up, "The contexts")
        return
    log_to_stderr(settings)
    with stop_on_signals() as stop:
        keep_contexts(settings, stop)


def rebuild(
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compute the contexts of all customers anew from the ledger.

    Until a customer is computed, its old context is shown. If it is stopped, the next `signoff
    rapport run` goes on.
    """
    settings = load_settings()
    target = masked(settings.require("rapport_url"))
    confirm(f"Compute the contexts of all customers in {target} anew?", yes=yes)
    until_caught_up(settings, rebuild_contexts, "The contexts", as_json=as_json)
