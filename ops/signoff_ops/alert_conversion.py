"""Send an alert where conversion fell against its own four weeks before.

The last seven days whose new prospects were observed for W days are compared with the four weeks
before them. An alert is sent once for each fall: it is over when half of it is made good.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.alerts import CONVERSION, alone, is_noted, note, note_over
from signoff_db.read_connection import require_writable
from signoff_insight.facts.state import reach_of
from signoff_insight.monitoring.conversion import Comparison, Entered, compared
from signoff_ops.hook import deliver
from signoff_ops.insight_reading import SECONDS, reading
from signoff_ops.servers import Servers
from signoff_schemas import Settings
from signoff_schemas.wording import count, json_default

_OVER: Final = 0.5
"""The part of the threshold below which a fall is over."""


@dataclass(frozen=True, slots=True)
class Look:
    """What came of a look at conversion."""

    sent: str | None = None
    """The sentence that was sent."""
    not_compared: str | None = None
    """Why conversion could not be compared."""


def conversion_alert_once(
    servers: Servers, hook: Callable[[bytes], None], *, stopped: Callable[[float], bool]
) -> Look:
    """Send an alert if conversion fell by SIGNOFF_ALERT_CONVERSION_DROP, once over all instances.

    Args:
        servers: with the database of the facts.
        hook: delivers a message, or raises `HookError`.
        stopped: waits for the given seconds between tries, and returns whether to stop.

    Raises:
        HookError: the hook failed; the next call tries again.
        TooSlowError: reading the facts took too long.
        DatabaseUnavailableError: Postgres is unavailable, or read-only.
    """
    drop = servers.settings.alert_conversion_drop
    if drop is None:
        return Look()
    with servers.database() as connection, alone(connection) as mine:
        if not mine:
            return Look()
        found = _compared(connection, servers.settings)
        if isinstance(found, str):
            return Look(not_compared=found)
        if found.drop < drop * _OVER:
            note_over(connection, CONVERSION)
        fell = found.drop >= drop and found.is_beyond_chance
        if not fell or is_noted(connection, CONVERSION):
            return Look()
        require_writable(connection, servers.settings.require("database_url"))
        message = _message(found, drop, servers.settings.web_url)
        deliver(hook, json.dumps(message, default=json_default).encode(), stopped=stopped)
        note(connection, CONVERSION)
        return Look(sent=str(message["text"]))


def _compared(connection: Connection[TupleRow], settings: Settings) -> Comparison | str:
    """The comparison, or why there is none."""
    with reading(connection, "comparing conversion", SECONDS):
        reach = reach_of(connection, settings.timezone)
        if reach.rebuilt is not None:
            return "the customer facts are being computed; `signoff insight run` has to run"
        found = compared(connection, reach, settings.alert_conversion_days)
    if found is None:
        return "there are no events yet"
    if not found.is_enough:
        return (
            f"too few customers became prospects: {found.recent.customers:,} from "
            f"{_days(found.recent)}, {found.before.customers:,} in the four weeks before"
        )
    return found


def _message(found: Comparison, threshold: float, web_url: str | None) -> dict[str, Any]:
    """The message as JSON, without customers' data: anybody may receive it."""
    within = found.within
    page = f"{web_url.rstrip('/')}/insight/funnel?within={within}" if web_url else None
    return {
        "id": uuid4(),
        "alert": "conversion",
        "text": _text(found, page),
        "within_days": within,
        "drop": round(found.drop, 4),
        "threshold": threshold,
        "recent": _data(found.recent),
        "before": _data(found.before),
        **({} if page is None else {"url": page}),
    }


def _data(entered: Entered) -> dict[str, Any]:
    return {
        "since": entered.since.isoformat(),
        "until": entered.until.isoformat(),
        "customers": entered.customers,
        "converted": entered.converted,
        "share": None if entered.share is None else round(entered.share, 4),
    }


def _text(found: Comparison, page: str | None) -> str:
    """A sentence for people; chat systems show the member `text` of a message."""
    within = count(found.within, "day")
    return (
        f"Signoff: conversion within {within} fell by {100 * found.drop:.0f} %: "
        f"{_counted(found.recent)} who became prospects from {_days(found.recent)}, "
        f"after {_counted(found.before)} in the four weeks before; "
        f"see {page or f'`signoff insight funnel --within {found.within}`'}"
    )


def _counted(entered: Entered) -> str:
    share = 100 * (entered.share or 0)
    return f"{entered.converted:,} of {count(entered.customers, 'customer')} ({share:.1f} %)"


def _days(entered: Entered) -> str:
    """The first and the last day."""
    last = entered.until - timedelta(days=1)
    return f"{entered.since} to {last}"
