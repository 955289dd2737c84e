"""Values as text for people and as JSON for machines; every front end writes them this way."""

import json
import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Final
from uuid import UUID

_TWO_DIGITS: Final = 10
_CENT: Final = Decimal("0.01")
_MOST_DIGITS: Final = 20
"""Of an amount before its point; sums of millions of amounts have fewer."""
_PLAIN: Final = re.compile(r"[ -~]*")
"""The usual texts, in which nothing is escaped."""


def printable(text: str, *, limit: int | None = None) -> str:
    """A text from outside on one line, fit for terminals and logs.

    Characters that are not printable are escaped: line breaks, which could forge lines, terminal
    controls, and controls that change the direction of the text. A text of more than `limit`
    characters is cut, and its length is added.
    """
    held = text if limit is None else shortened(text, limit)
    if _PLAIN.fullmatch(held):
        return held
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in held)


def shortened(text: str, limit: int) -> str:
    """A text, cut if it has more characters than `limit`; then its length is added."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text):,} characters)"


def json_text(value: object, *, indent: int | None = None, ascii_only: bool = False) -> str:
    """A value as JSON; characters that are not printable are escaped.

    Times are in UTC, amounts are strings as `amount_text` writes them.
    """
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only, default=json_default)
    # Outside of strings, all characters of JSON are printable, but for the line breaks of `indent`.
    return "\n".join(_escaped(line) for line in text.split("\n"))


def one_line_json(text: str, *, ascii_only: bool = False) -> str:
    """JSON on one line as `json_text` writes it: no character that is not printable."""
    line = _escaped(text)
    if ascii_only and not line.isascii():
        return "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in line)
    return line


def _escaped(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: 1 event, 2,000 events."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def one_decimal(number: float) -> str:
    """A number that is not negative, with one decimal; only 0 itself is written as 0.0."""
    text = f"{number:,.1f}"
    return "less than 0.1" if number > 0 and text == "0.0" else text


def ago(age: timedelta) -> str:
    """An age in the largest unit that fits, such as 3 days."""
    seconds = max(0, int(age.total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def lasting(seconds: float) -> str:
    """A length of time to two digits, in the largest unit of which it has two: 34 s, 2.5 min."""
    units = (("d", 86_400), ("h", 3600), ("min", 60))
    unit, length = next((one for one in units if abs(seconds) >= 2 * one[1]), ("s", 1))
    amount = seconds / length
    text = f"{amount:,.0f}" if abs(amount) >= _TWO_DIGITS else f"{amount:.1f}".removesuffix(".0")
    return f"{text} {unit}"


def in_zone(moment: datetime, zone: tzinfo | None) -> datetime:
    """The moment in a time zone; None is the machine's own.

    Near the years 1 and 9999 a moment may have no local time; then it is returned unchanged.
    """
    try:
        return moment.astimezone(zone)
    except (OverflowError, ValueError):
        return moment


def in_utc(moment: datetime) -> str:
    """A moment as messages and pages give it: 2026-01-31 10:00:00 UTC."""
    return f"{in_zone(moment, UTC):%Y-%m-%d %H:%M:%S} UTC"


def amount_text(amount: Decimal) -> str:
    """An amount of money as text: with two decimal places, also a sum of nothing.

    What no amount can be, such as a refused 10.005 or 1E+400, is written as it is, not rounded.
    """
    if not amount.is_finite() or amount.adjusted() > _MOST_DIGITS:
        return str(amount)
    cents = amount.quantize(_CENT)
    return f"{cents:f}" if cents == amount else str(amount)


def json_default(value: object) -> str | float:
    """Values that JSON has no type for, in the form of the event's contract."""
    match value:
        case datetime():
            return in_zone(value, UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal():
            return amount_text(value)
        case UUID():
            return str(value)
    raise TypeError(type(value).__name__)
