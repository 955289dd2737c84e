"""Values as people read them in charts and tables."""

from datetime import date
from decimal import Decimal
from typing import Final
from unicodedata import combining, east_asian_width

from signoff_schemas.wording import one_decimal

_MINUS: Final = "\N{MINUS SIGN}"
_BROAD_ONES: Final = frozenset("mw<>=+~%&@#")
_BROAD: Final = 0.85
_USUAL: Final = 0.64
_WIDE: Final = frozenset("WF")
_SMALL: Final = 10
"""Of a smaller expectation a decimal says something."""
_THOUSAND: Final = 1_000
_MILLION: Final = 1_000_000


def count(value: float) -> str:
    """A whole number, with separators."""
    return _signed(f"{value:,.0f}")


def counted(value: float, noun: str) -> str:
    """A whole number with its noun: `1 customer`, `2,000 customers`."""
    said = count(value)
    return f"{said} {noun}" if said == "1" else f"{said} {noun}s"


def expected(value: float) -> str:
    """An expected number of people or purchases: whole, with one decimal where it is small."""
    return one_decimal(value) if value < _SMALL else count(value)


def number(value: float | Decimal) -> str:
    """A number without a unit: to two places, or three where it is small."""
    places = 3 if 0 < abs(float(value)) < 1 else 2
    return _signed(f"{value:,.{places}f}")


def percent(share: float) -> str:
    """A share from 0 to 1, with one decimal."""
    return _signed(f"{share * 100:,.1f} %")


def off(share: float, more: str, less: str) -> str:
    """By which share an expectation was off, and to which side, in words."""
    text = f"{abs(share) * 100:,.1f}"
    return (
        f"{text} % {more if share > 0 else less}" if float(text.replace(",", "")) else "0.0 % off"
    )


def points(share: float) -> str:
    """A difference of shares, in percentage points with its sign."""
    text = f"{share * 100:+.1f}"
    return _signed("0.0" if text in {"+0.0", "-0.0"} else text) + " points"


def usd(value: float | Decimal) -> str:
    """An amount of money, to the cent."""
    return _signed(f"{value:,.2f} USD")


def days(value: float) -> str:
    """A length of time in days: with one decimal, unless it is 0."""
    said = _signed(f"{value:,.1f}").removesuffix(".0")
    return f"{said} day" if said == "1" else f"{said} days"


def month(day: date) -> str:
    """A month, such as `Jan 2026`."""
    return f"{_MONTHS[day.month - 1]} {day.year}"


def day(value: date) -> str:
    """A day, such as `5 Jan 2026`."""
    return f"{value.day} {month(value)}"


def short(value: float) -> str:
    """A number for an axis: without decimals that say nothing, thousands as k, millions as M."""
    for unit, letter in ((_MILLION, "M"), (_THOUSAND * 10, "k")):
        if abs(value) >= unit:
            divided = value / (_MILLION if letter == "M" else _THOUSAND)
            return _signed(f"{divided:,.1f}".removesuffix(".0")) + letter
    return _signed(f"{value:,.2f}".rstrip("0").rstrip(".")) if value % 1 else count(value)


def short_percent(share: float) -> str:
    """A share for an axis."""
    return _signed(f"{share * 100:.1f}".removesuffix(".0")) + " %"


def short_points(share: float) -> str:
    """A difference of shares for an axis, in percentage points: steps may be a quarter of one."""
    text = f"{share * 100:+.2f}".rstrip("0").rstrip(".")
    return "0" if text in {"+0", "-0"} else _signed(text)


def status(code: str) -> str:
    """A status in words, such as `Lead qualified`."""
    return code.replace("_", " ").capitalize()


def width_of(text: str, size: float) -> float:
    """About how wide a text is, in letters of this size; rather more than less."""
    return sum(_width(letter) for letter in text) * size


def cut(text: str, room: float, size: float) -> str:
    """A text that fits; what is too long ends with an ellipsis."""
    if width_of(text, size) <= room:
        return text
    kept, used = "", width_of("…", size)
    for letter in text:
        used += _width(letter) * size
        if used > room:
            break
        kept += letter
    return kept.rstrip() + "…"


def _width(letter: str) -> float:
    if combining(letter):
        return 0.0
    if east_asian_width(letter) in _WIDE:
        return 1.0
    return _BROAD if letter in _BROAD_ONES or letter.isupper() else _USUAL


def _signed(text: str) -> str:
    """Without a negative zero, and with a minus that is as wide as a plus."""
    if text.startswith("-") and not any(digit in text for digit in "123456789"):
        text = text[1:]
    return text.replace("-", _MINUS, 1) if text.startswith("-") else text


_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
