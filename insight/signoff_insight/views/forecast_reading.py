"""Read what the forecast needs: each customer's history, and what followed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.forecast.history import DAYS_A_WEEK, Customers, Ints
from signoff_insight.forecast.purchases import Outcome
from signoff_insight.report import Asked, Reach
from signoff_insight.views.reading import read, stream
from signoff_insight.views.selection import selection

_ROW: Final = np.dtype(
    [
        ("customer", np.int64),
        ("x", np.int64),
        ("t_x", np.int64),
        ("age", np.int64),
        ("spend", np.float64),
        ("bought", np.int64),
        ("revenue", np.float64),
    ]
)
"""A row of `forecast_customers.sql`."""
_ORDER: Final = ("revenue", "bought", "spend", "age", "t_x", "x")
"""The last sorts first."""


@dataclass(frozen=True, slots=True)
class Read:
    """Those who had bought by a day: parallel arrays."""

    numbers: Ints
    """Their numbers in the tables of facts."""
    customers: Customers
    outcome: Outcome
    """What they did in the weeks after it."""


@dataclass(frozen=True, slots=True)
class _First:
    first_day: date | None


@dataclass(frozen=True, slots=True)
class _Week:
    week: int
    bought: int


@dataclass(frozen=True, slots=True)
class _User:
    customer: int
    user_id: str


def first_day(connection: Connection[TupleRow], asked: Asked, reach: Reach) -> date | None:
    """The first day on which anybody of those asked for bought."""
    (found,) = read(connection, "forecast_first_day", _chosen(asked, reach), _First)
    return found.first_day


def histories(
    connection: Connection[TupleRow], asked: Asked, reach: Reach, cutoff: date, weeks: int
) -> Read:
    """What was known at the end of a day, and what came in the weeks after it.

    The order depends on the histories alone, so sums of floats over them are always the same.
    """
    parameters = _chosen(asked, reach) | {"cutoff": cutoff, "days": weeks * DAYS_A_WEEK}
    rows = np.fromiter(stream(connection, "forecast_customers", parameters), _ROW)
    rows = rows[np.lexsort([rows[name] for name in _ORDER])]
    weekly = np.zeros(weeks, np.int64)
    for found in read(connection, "forecast_weeks", parameters, _Week):
        weekly[found.week] = found.bought
    return Read(
        rows["customer"],
        Customers.of(rows["x"], rows["t_x"], rows["age"], rows["spend"]),
        Outcome.of(rows["bought"], rows["revenue"], weekly),
    )


def user_ids(connection: Connection[TupleRow], numbers: Sequence[int]) -> Mapping[int, str]:
    """The user_ids of customers by their numbers."""
    rows = read(connection, "forecast_users", {"customers": list(numbers)}, _User)
    return {row.customer: row.user_id for row in rows}


def _chosen(asked: Asked, reach: Reach) -> dict[str, object]:
    """The parameters that choose customers; the cohort is the month of the first purchase."""
    return selection(replace(asked, cohort=None), reach) | {"cohort": asked.cohort}
