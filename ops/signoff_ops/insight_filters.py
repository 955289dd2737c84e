"""The filters of views, from plain texts: what options of commands and parameters of URLs hold."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from signoff_insight.report import Asked
from signoff_insight.views.registry import View
from signoff_ops.insight_errors import WrongFiltersError
from signoff_schemas import EDIT_TAGS
from signoff_schemas.invalid import Problem
from signoff_schemas.wording import printable, shortened

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MONTH: Final = re.compile(r"\d{4}-\d\d", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,3}", re.ASCII)
_YEARS: Final = range(1900, 2200)
MOST_DAYS: Final = 730
_LONGEST_NAME: Final = 1000
_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Filter:
    """One of the filters."""

    name: str
    """That of the field of `Asked`."""
    about: str
    """What it selects, for the help of a command and the description of a parameter."""
    rule: str
    """What it may hold: `must be …`."""
    read: Callable[[str], object]
    """The value that a text stands for; raises `ValueError` where it stands for none."""


def _day(text: str) -> date:
    if not _DAY.fullmatch(text):
        raise ValueError(text)
    day = date.fromisoformat(text)
    if day.year not in _YEARS:
        raise ValueError(text)
    return day


def _month(text: str) -> date:
    if not _MONTH.fullmatch(text):
        raise ValueError(text)
    return _day(f"{text}-01")


def _number_of_days(text: str) -> int:
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= MOST_DAYS:
        raise ValueError(text)
    return int(text)


def _reviewer(text: str) -> str:
    if not text.strip() or "\0" in text or len(text) > _LONGEST_NAME:
        raise ValueError(text)
    text.encode()  # what is no UTF-8 cannot be asked for
    return text


def _tag(text: str) -> str:
    if text not in EDIT_TAGS:
        raise ValueError(text)
    return text


_A_DAY: Final = (
    f"must be a day such as 2021-03-31, in the years {_YEARS.start} to {_YEARS.stop - 1}"
)
_ALL: Final = (
    Filter("since", "Only what began on this day (YYYY-MM-DD) or later.", _A_DAY, _day),
    Filter("until", "Only what began before this day (YYYY-MM-DD).", _A_DAY, _day),
    Filter(
        "within",
        f"Within how many days it has to happen, 1 to {MOST_DAYS}.",
        f"must be a whole number of days from 1 to {MOST_DAYS}",
        _number_of_days,
    ),
    Filter(
        "cohort",
        "Only customers of this month (YYYY-MM).",
        f"must be a month such as 2021-03, in the years {_YEARS.start} to {_YEARS.stop - 1}",
        _month,
    ),
    Filter(
        "reviewer",
        "Only customers whose first approval was by this reviewer.",
        f"must be the id of a reviewer: text that is not blank, of at most {_LONGEST_NAME:,} "
        "characters, without the NUL character",
        _reviewer,
    ),
    Filter(
        "tag",
        "Only customers whose first approval had this edit tag.",
        f"must be one of {', '.join(EDIT_TAGS)}",
        _tag,
    ),
    Filter(
        "at",
        "The day (YYYY-MM-DD) from which it looks ahead, knowing only what happened until then.",
        _A_DAY,
        _day,
    ),
)
FILTERS: Final[Mapping[str, Filter]] = MappingProxyType({each.name: each for each in _ALL})
"""All filters by name, in the order in which people are shown them."""


def filters_of(view: View) -> tuple[Filter, ...]:
    """The filters that a view takes."""
    return tuple(each for each in _ALL if each.name in view.filters)


def asked_of(view: View, wanted: Mapping[str, str | None]) -> Asked:
    """The question to a view.

    Args:
        view: which view.
        wanted: texts by the name of the filter; None is a filter that is not used.

    Raises:
        WrongFiltersError: it does not take a filter, or one holds what it may not.
    """
    given = {name: text for name, text in wanted.items() if text is not None}
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for name, text in given.items():
        if name not in view.filters:
            problems.append(_not_taken(view, name))
            continue
        try:
            values[name] = FILTERS[name].read(text)
        except ValueError:
            problems.append(_wrong(FILTERS[name], text))
    since, until = values.get("since"), values.get("until")
    if since and until and since >= until:
        rule = f"must be later than the first day, {since}: it is the day after the last"
        problems.append(Problem("until", rule, "empty_time", str(until)))
    if problems:
        raise WrongFiltersError(problems)
    return Asked(**values)


def _not_taken(view: View, name: str) -> Problem:
    taken = ", ".join(each.name for each in filters_of(view)) or "no filter"
    rule = f"is no filter of the view {view.name}, which takes {taken}"
    return Problem(printable(name, limit=_SHOWN), rule, "unknown_filter")


def _wrong(wanted: Filter, text: str) -> Problem:
    found = repr(shortened(text, _SHOWN))
    return Problem(wanted.name, wanted.rule, f"wrong_{wanted.name}", found)
