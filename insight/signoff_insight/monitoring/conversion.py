"""Conversion in time: who of those that became prospects became a customer within W days.

Only customers are counted that were observed for W days: of whom even late events have arrived.
"""

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.sql import statement
from signoff_insight.facts.state import PACKAGE
from signoff_insight.report import Reach
from signoff_insight.views.selection import DAY, begin_of

_RECENT: Final = timedelta(days=7)
_BEFORE: Final = timedelta(days=28)
_LEAST: Final = 50
"""With fewer customers a share tells little."""
_CHANCE: Final = 2.0
"""Two equal shares differ by more standard errors than this in one of 44 cases, downwards."""


@dataclass(frozen=True, slots=True)
class Entered:
    """The customers who became prospects on some days."""

    since: date
    until: date
    """The day after the last."""
    customers: int
    converted: int
    """Of them, those who became customers within W days."""

    @property
    def share(self) -> float | None:
        """None without customers."""
        return self.converted / self.customers if self.customers else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The last week that was observed for W days, and the four weeks before it."""

    within: int
    recent: Entered
    before: Entered

    @property
    def is_enough(self) -> bool:
        """Whether there are enough customers to compare."""
        return min(self.recent.customers, self.before.customers) >= _LEAST

    @property
    def drop(self) -> float:
        """By which part of the former share the share fell; negative if it rose."""
        recent, before = self.recent.share, self.before.share
        return 1 - recent / before if recent is not None and before else 0.0

    @property
    def is_beyond_chance(self) -> bool:
        """Whether the shares differ by more than chance explains (z of two proportions)."""
        recent, before = self.recent, self.before
        customers = recent.customers + before.customers
        share = (recent.converted + before.converted) / customers
        error = math.sqrt(share * (1 - share) * (1 / recent.customers + 1 / before.customers))
        return (before.share or 0) - (recent.share or 0) > _CHANCE * error


def observed_days(reach: Reach, within: int) -> date | None:
    """The first day whose new prospects were not observed for so many days; None without data."""
    return reach.provisional_since and reach.provisional_since - timedelta(days=within)


def last_four_weeks(connection: Connection[TupleRow], reach: Reach, within: int) -> Entered | None:
    """The last four weeks that were observed for so many days; None without data."""
    end = observed_days(reach, within)
    return None if end is None else _entered(connection, reach, end - _BEFORE, end, within)


def compared(connection: Connection[TupleRow], reach: Reach, within: int) -> Comparison | None:
    """The last week and the four weeks before it; None without data."""
    end = observed_days(reach, within)
    if end is None:
        return None
    middle = end - _RECENT
    return Comparison(
        within,
        _entered(connection, reach, middle, end, within),
        _entered(connection, reach, middle - _BEFORE, middle, within),
    )


def _entered(
    connection: Connection[TupleRow], reach: Reach, since: date, until: date, within: int
) -> Entered:
    parameters = {
        "begins": begin_of(since, reach.timezone),
        "ends": begin_of(until, reach.timezone),
        "within": within * DAY,
    }
    row = connection.execute(statement("monitoring/conversion", PACKAGE), parameters).fetchone()
    if row is None:
        raise AssertionError
    return Entered(since, until, *row)
