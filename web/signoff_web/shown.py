"""How pages show values."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from markupsafe import Markup

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400


def instant(moment: datetime) -> Markup:
    """A time as an element; the browser shows it in the reader's own time zone."""
    utc = moment.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        utc.isoformat(), utc.strftime("%Y-%m-%d %H:%M UTC")
    )


def since(moment: datetime) -> Markup:
    """How long ago a time was, as an element; the browser keeps it up to date."""
    utc = moment.astimezone(UTC)
    return Markup('<time datetime="{}" data-since title="{}">{}</time>').format(
        utc.isoformat(), utc.strftime("%Y-%m-%d %H:%M UTC"), age((_now() - utc).total_seconds())
    )


def age(seconds: float) -> str:
    """A length of time in one unit, such as `12 min`."""
    if seconds < _MINUTE:
        return f"{max(0, int(seconds))} s"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min"
    if seconds < 2 * _DAY:
        return f"{int(seconds // _HOUR)} h"
    return f"{int(seconds // _DAY)} d"


def length(time: timedelta) -> str:
    """A length of time, as `age`."""
    return age(time.total_seconds())


def words(code: str) -> str:
    """A code of the contract as words, such as `Lead qualified`."""
    return code.replace("_", " ").capitalize()


def json_text(value: Any) -> str:  # noqa: ANN401 -- whatever JSON holds
    """A value as JSON that people read."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def _now() -> datetime:
    return datetime.now(UTC)
