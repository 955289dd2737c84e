"""A figure: a chart in the sizes of screens, with what it says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, TypeAlias

from signoff_ops.insight import Value
from signoff_web.charts.marks import NARROW, WIDE, Drawing, Key, Size

Record: TypeAlias = Mapping[str, Value]
"""A row of a table, by the names of its columns."""
SMALL: Final = Size(360, 260)


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart on a page."""

    name: str
    """Unique on the page."""
    heading: str
    """What it says, in one sentence."""
    about: str
    """What there is to see, for those who do not see it."""
    wide: Drawing
    narrow: Drawing | None
    """For narrow screens; None: the wide one is shown in its natural size, and scrolls."""
    keys: tuple[Key, ...] = ()
    caption: str = ""
    is_small: bool = False


def figure(
    name: str,
    heading: str,
    about: str,
    draw: Callable[[Size], Drawing],
    *,
    keys: tuple[Key, ...] = (),
    caption: str = "",
    is_small: bool = False,
) -> Figure:
    """A figure whose chart fits to any size."""
    wide, narrow = draw(SMALL if is_small else WIDE), draw(NARROW)
    return Figure(name, heading, about, wide, narrow, keys, caption, is_small)


def text(record: Record, name: str) -> str:
    """A value that is a text."""
    return str(record[name])


def real(record: Record, name: str) -> float | None:
    """A value that is a number; None if it is not known."""
    value = record[name]
    return float(value) if isinstance(value, int | float | Decimal) else None


def known(record: Record, name: str) -> float:
    """A number that is always there, such as a count."""
    return real(record, name) or 0.0


def day(record: Record, name: str) -> date:
    """A value that is a day, or a month."""
    value = record[name]
    if not isinstance(value, date):
        raise TypeError(f"{name} is no day: {value!r}")
    return value
