"""How pages show values.

On pages of the console each text is shown as `visible` shows it; see `templating.Templates`.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from markupsafe import Markup, escape

from signoff_schemas.wording import in_utc, printable

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400
_BEFORE_PERCENT: Final = re.compile(r"(?<=\d) (?=%)")


def instant(moment: datetime) -> Markup:
    """A time as an element, in UTC; the browser adds the reader's own time to its title."""
    utc = moment.astimezone(UTC)
    return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(
        utc.isoformat(), in_utc(utc)
    )


def since(moment: datetime) -> Markup:
    """How long ago a time was, as an element; the browser keeps it up to date."""
    utc = moment.astimezone(UTC)
    return Markup('<time datetime="{0}" data-since title="{0}">{1}</time>').format(
        utc.isoformat(), age((_now() - utc).total_seconds())
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
    """A code of the contract as words, such as `Lead qualified`; `LTV` stays in capitals."""
    return code.replace("_", " ").capitalize().replace("Ltv ", "LTV ")


def json_text(value: Any) -> str:  # noqa: ANN401 -- whatever JSON holds
    """A value as JSON that people read."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def visible(value: object) -> object:
    """A text on one line; characters that are not printable are escaped, as on a terminal.

    These are line breaks, controls, and characters that change the direction of the text or are
    not seen at all. What is no text, and what is HTML already, is returned as it is. No line ends
    between a number and its percent sign.
    """
    if isinstance(value, str) and not isinstance(value, Markup):
        return _BEFORE_PERCENT.sub("\N{NO-BREAK SPACE}", printable(value))
    return value


def lines(text: str) -> Markup:
    """A text of several lines, for `<pre>`: as `visible`, but line breaks stay."""
    return escape("\n".join(map(printable, text.split("\n"))))


def as_is(text: str) -> Markup:
    """A text with all its characters, for the value of a form's field, which is sent back."""
    return escape(text)


def number(value: float | None) -> str:
    """A number with separators; one that is not known is said to be so, and is never 0."""
    return "not known" if value is None else f"{value:,}"


def capped(value: int | None, most: int) -> str:
    """A number that was counted up to `most`: 10,000+ where there may be more."""
    return f"{most:,}+" if value is not None and value >= most else number(value)


def path_part(text: str) -> str:
    """A text as one part of a path: a slash in it does not end the part."""
    return quote(text, safe="")


def _now() -> datetime:
    return datetime.now(UTC)
