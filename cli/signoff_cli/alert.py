"""`signoff alert`."""

from collections.abc import Callable
from typing import Annotated

import typer

from signoff_cli.options import finite
from signoff_cli.stopping import stop_on_signals
from signoff_cli.terminal import complain, say
from signoff_ops.alert import alert_once
from signoff_ops.hook import HookError, hook_of
from signoff_ops.servers import DirectServers, Servers
from signoff_ops.services import load_settings
from signoff_ops.values import DatabaseUnavailableError
from signoff_schemas import Settings


def alert(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Look once and end, as for cron. Exit 1 if not taken.")
    ] = False,
    interval: Annotated[
        float, typer.Option(min=1, max=86_400, callback=finite, help="Seconds between looks.")
    ] = 15,
) -> None:
    """Send alerts of new causes of dead letters, and of too many, to a command or webhook.

    Where to: SIGNOFF_ALERT_COMMAND, whose program must be there, or SIGNOFF_ALERT_URL. Any number
    may run; each cause is reported once, all new ones in one message, at most one a minute.
    """
    settings = load_settings()
    settings.require("database_url")
    hook = hook_of(settings)
    with stop_on_signals() as stop:
        if not once:
            say(f"Looking for news of dead letters every {interval:g} s; Ctrl-C stops it.")
        while True:
            taken = _look(DirectServers(settings), hook, stop.wait, say_if_none=once)
            if once or stop.wait(interval):
                break
    if once and not taken:
        raise typer.Exit(1)


def _look(
    servers: Servers,
    hook: Callable[[bytes], None],
    stopped: Callable[[float], bool],
    *,
    say_if_none: bool,
) -> bool:
    """Send what is new; returns whether that worked. If it failed, the next check tries again."""
    try:
        sent = alert_once(servers, hook, stopped=stopped)
    except (HookError, DatabaseUnavailableError) as error:
        complain(f"signoff: {error}")
        return False
    if sent:
        say(f"Sent: {sent}")
    elif say_if_none:
        say(f"Nothing new was found, so {_not_tried(servers.settings)}.")
    return True


def _not_tried(settings: Settings) -> str:
    """Say what is known of the hook, and what only an alert can show."""
    if settings.alert_url:
        return "the webhook was not called: whether it takes alerts shows with the next one"
    return "the command was not run; its program is there"
