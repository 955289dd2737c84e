"""Retention by cohort: which share of those who bought once bought again, and when."""

from collections.abc import Iterator
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.report import Asked, Column, Reach, Report, Table, Unit, Value
from signoff_insight.views.cohort_ages import Cohort, cohorts_of, notes_of

NAME: Final = "cohorts"
TITLE: Final = "Cohorts"
DEFINITION: Final = (
    "Of the customers who bought for the first time in a month, the share that bought at each"
    " age, in whole months since their first purchase; only ages that all of them were observed"
    " through, and age 0, of which the share is 100 % from the beginning: the first purchase is"
    " one."
)
_COHORTS: Final = (
    Column("cohort", "First purchase in", Unit.MONTH),
    Column("customers", "Customers"),
)
_CELLS: Final = (
    Column("cohort", "First purchase in", Unit.MONTH),
    Column("age_months", "Age (0 is the first month)"),
    Column("buyers", "Buyers"),
    Column("share", "Share", Unit.SHARE),
)


def cohorts(connection: Connection[TupleRow], asked: Asked, reach: Reach) -> Report:
    """The cohorts, and their buyers at each age."""
    found = cohorts_of(connection, asked, reach)
    sizes = tuple((one.month, one.customers) for one in found)
    cells = tuple(cell for one in found for cell in _cells(one, reach))
    return Report(
        NAME,
        TITLE,
        DEFINITION,
        asked,
        reach,
        (
            Table("cohorts", "Cohorts", _COHORTS, sizes),
            Table("cells", "Buyers by age", _CELLS, cells),
        ),
        notes=notes_of(found, reach),
    )


def _cells(cohort: Cohort, reach: Reach) -> Iterator[tuple[Value, ...]]:
    """Age 0 is known of all, also while the month goes on; what they spend then is not."""
    for age in cohort.observed_ages(reach) or range(1):
        buyers = cohort.buyers.get(age, 0)
        yield cohort.month, age, buyers, buyers / cohort.customers
