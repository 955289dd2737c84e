"""`signoff alert`: tell somebody when dead letters are news.

It runs beside the workers, in a process of its own: whatever the hook does, events are applied.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, Final
from uuid import uuid4

import typer

from signoff_cli.stopping import stop_on_signals
from signoff_cli.terminal import complain, say
from signoff_db.alerts import News, alone, news, remember
from signoff_db.connection import DatabaseUnavailableError
from signoff_db.read_connection import database_of
from signoff_ops.hook import HookError, hook_of, patiently
from signoff_ops.services import load_settings
from signoff_schemas import Settings
from signoff_schemas.wording import count, json_default

_MOST_CAUSES: Final = 20
"""Causes that one message lists."""


def alert(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Look once and end, as for cron. Exit 1 if not taken.")
    ] = False,
    interval: Annotated[float, typer.Option(min=1, help="Seconds between looks.")] = 15,
) -> None:
    """Tell a command or webhook of new causes of dead letters, and of too many of them.

    Where to: SIGNOFF_ALERT_COMMAND or SIGNOFF_ALERT_URL. Any number may run; each cause is told
    once, all that is new in one message, at most one a minute.
    """
    settings = load_settings()
    settings.require("database_url")
    hook = hook_of(settings)
    with stop_on_signals() as stop:
        if not once:
            say(f"Looking for news of dead letters every {interval:g} s; Ctrl-C stops it.")
        while True:
            taken = _look(settings, hook, stop.wait)
            if once or stop.wait(interval):
                break
    if once and not taken:
        raise typer.Exit(1)


def _look(
    settings: Settings, hook: Callable[[bytes], None], stopped: Callable[[float], bool]
) -> bool:
    """Tell what is new; whether that worked, or there was nothing. The next look tries again."""
    try:
        with database_of(settings) as connection, alone(connection) as mine:
            told = news(connection, limit=settings.dead_letter_limit) if mine else None
            if told:
                message = _message(told, settings.dead_letter_limit)
                patiently(hook, json.dumps(message, default=json_default).encode(), stopped=stopped)
                remember(connection, told)
                say(f"Told: {message['text']}")
    except (HookError, DatabaseUnavailableError) as error:
        complain(f"signoff: {error}")
        return False
    return True


def _message(told: News, limit: int) -> dict[str, Any]:
    """No customers' texts or amounts: it may go to anybody."""
    return {
        "id": uuid4(),
        "alert": "dead_letters",
        "text": _text(told, limit),
        "dead": told.dead,
        "limit": limit,
        "limit_passed": told.limit_passed,
        "new_causes": [asdict(cause) for cause in told.causes[:_MOST_CAUSES]],
        "new_causes_total": len(told.causes),
    }


def _text(told: News, limit: int) -> str:
    """A sentence for people; chat systems show the member `text` of a message."""
    parts = []
    if told.causes:
        kinds = ", ".join(dict.fromkeys(cause.kind for cause in told.causes))
        parts.append(f"{count(len(told.causes), 'new cause')} of dead letters ({kinds})")
    passed = f", more than the limit of {limit:,}" if told.limit_passed else ""
    parts.append(f"{told.dead:,} open in all{passed}")
    return f"Signoff: {'; '.join(parts)}; see `signoff dlq groups`"
