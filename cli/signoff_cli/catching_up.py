"""Catch up with the ledger, and show how far it is: `signoff insight` and `signoff rapport`."""

import threading
from collections.abc import Callable

from signoff_cli.stopping import stop_on_signals
from signoff_cli.terminal import progress, say, show_json
from signoff_ops.reader_run import OnProgress
from signoff_schemas import Settings


def until_caught_up(
    settings: Settings,
    work: Callable[[Settings, threading.Event, OnProgress], bool],
    what: str,
    *,
    as_json: bool = False,
) -> None:
    """Do the work until it is done or a signal comes; `what` is then up to date."""
    with stop_on_signals() as stop, progress() as bar:
        task = bar.add_task("Customers", total=None)
        done = work(
            settings,
            stop,
            lambda found: bar.update(task, completed=found.done, total=found.customers),
        )
    if as_json:
        show_json({"is_up_to_date": done})
        return
    say(f"{what} are up to date." if done else "Stopped; the next run goes on here.")
