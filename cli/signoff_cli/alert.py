"""`signoff alert`."""

import time
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, Final

import typer

from signoff_cli.options import finite
from signoff_cli.stopping import stop_on_signals
from signoff_cli.terminal import complain, say
from signoff_ops.alert import alert_once
from signoff_ops.alert_conversion import conversion_alert_once
from signoff_ops.hook import HookError, hook_of
from signoff_ops.insight_errors import TooSlowError
from signoff_ops.servers import DirectServers, Servers
from signoff_ops.services import load_settings
from signoff_ops.values import DatabaseUnavailableError
from signoff_schemas import Settings

_CONVERSION_SECONDS: Final = 600.0
"""Between two looks at conversion: it changes slowly, and all new prospects are counted."""


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

    With SIGNOFF_ALERT_CONVERSION_DROP, also where conversion fell.

    Where to: SIGNOFF_ALERT_COMMAND, whose program must be there, or SIGNOFF_ALERT_URL. Any number
    may run; each cause is reported once, all new ones in one message, at most one a minute.
    """
    settings = load_settings()
    settings.require("database_url")
    hook = hook_of(settings)
    next_conversion = 0.0
    with stop_on_signals() as stop:
        looks = _Looks(DirectServers(settings), hook, stop.wait, say_if_none=once)
        if not once:
            say(f"Looking for news of dead letters every {interval:g} s; Ctrl-C stops it.")
        while True:
            taken = _worked(looks.at_letters)
            if time.monotonic() >= next_conversion:
                compared = _worked(looks.at_conversion)
                next_conversion = time.monotonic() + (_CONVERSION_SECONDS if compared else 0)
                taken = taken and compared
            if once or stop.wait(interval):
                break
    if once and not taken:
        raise typer.Exit(1)


def _worked(look: Callable[[], None]) -> bool:
    """Look; returns whether that worked. If it failed, the next look tries again."""
    try:
        look()
    except (HookError, DatabaseUnavailableError, TooSlowError) as error:
        complain(f"signoff: {error}")
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Looks:
    """What is looked at; each look sends what is new, and says so."""

    servers: Servers
    hook: Callable[[bytes], None]
    stopped: Callable[[float], bool]
    _: KW_ONLY
    say_if_none: bool

    def at_letters(self) -> None:
        """Look for new causes of dead letters."""
        sent = alert_once(self.servers, self.hook, stopped=self.stopped)
        if sent:
            say(f"Sent: {sent}")
        elif self.say_if_none:
            say(f"Nothing new was found, so {_not_tried(self.servers.settings)}.")

    def at_conversion(self) -> None:
        """Look whether conversion fell."""
        look = conversion_alert_once(self.servers, self.hook, stopped=self.stopped)
        if look.sent:
            say(f"Sent: {look.sent}")
        elif look.not_compared and self.say_if_none:
            say(f"Conversion was not compared: {look.not_compared}.")


def _not_tried(settings: Settings) -> str:
    """Say what is known of the hook, and what only an alert can show."""
    if settings.alert_url:
        return "the webhook was not called: whether it takes alerts shows with the next one"
    return "the command was not run; its program is there"
