"""All views by name: what the command line, the API and the pages offer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.report import Asked, Reach, Report
from signoff_insight.views import (
    cohorts,
    desk,
    durations,
    forecast,
    funnel,
    journeys,
    ltv,
    reviewers,
)
from signoff_insight.views.wording import with_days

Answer: TypeAlias = Callable[[Connection[TupleRow], Asked, Reach], Report]
"""Computes a report from the facts; `Reach` is that of the same moment."""

_CUSTOMERS: Final = frozenset({"cohort", "reviewer", "tag"})
"""The filters that take customers by what was known at their first approval."""
_TIME: Final = frozenset({"since", "until"})
_WITHIN: Final = frozenset({"within"})


@dataclass(frozen=True, slots=True)
class View:
    """One view of the facts."""

    name: str
    """Its name in commands and addresses."""
    title: str
    definition: str
    """One sentence: what its numbers are, with the usual number of days. A report says the same
    with the days asked for.
    """
    answer: Answer
    filters: frozenset[str]
    """The fields of `Asked` that it heeds."""
    is_slow: bool = False
    """Whether it takes seconds where there are many customers."""


def _usual(definition: str) -> str:
    return with_days(definition, Asked().within)


_ALL: Final = (
    View(
        funnel.NAME,
        funnel.TITLE,
        _usual(funnel.DEFINITION),
        funnel.funnel,
        _CUSTOMERS | _TIME | _WITHIN,
    ),
    View(
        durations.NAME,
        durations.TITLE,
        durations.DEFINITION,
        durations.durations,
        _CUSTOMERS | _TIME,
    ),
    View(journeys.NAME, journeys.TITLE, journeys.DEFINITION, journeys.journeys, _CUSTOMERS | _TIME),
    View(cohorts.NAME, cohorts.TITLE, cohorts.DEFINITION, cohorts.cohorts, _CUSTOMERS | _TIME),
    View(ltv.NAME, ltv.TITLE, ltv.DEFINITION, ltv.ltv, _CUSTOMERS | _TIME),
    View(
        reviewers.NAME,
        reviewers.TITLE,
        _usual(reviewers.DEFINITION),
        reviewers.reviewers,
        _CUSTOMERS | _TIME | _WITHIN,
    ),
    View(
        forecast.NAME,
        forecast.TITLE,
        forecast.DEFINITION,
        forecast.forecast,
        _CUSTOMERS | {"at"},
        is_slow=True,
    ),
    View(desk.NAME, desk.TITLE, desk.DEFINITION, desk.desk, _TIME),
)
VIEWS: Final[Mapping[str, View]] = MappingProxyType({view.name: view for view in _ALL})
"""The views by name, in the order in which people are shown them."""
