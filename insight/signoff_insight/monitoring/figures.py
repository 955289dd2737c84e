"""Figures of all customers, for monitoring."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.sql import statement
from signoff_insight.facts.state import PACKAGE
from signoff_insight.monitoring.conversion import last_four_weeks
from signoff_insight.report import Reach
from signoff_schemas import CUSTOMER_STATUSES


@dataclass(frozen=True, slots=True)
class Figures:
    """What the facts hold at one moment."""

    customers: Mapping[str, int]
    """By status: all five."""
    ltv_usd: Decimal
    """The folded LTV of all customers."""
    moves: tuple[tuple[str, str, int], ...]
    """From which status to which, and how often so far."""
    within: int
    conversion: float | None
    """Of those who became prospects in the last four weeks that were observed for `within` days,
    the share that became a customer in that time; None where nobody entered."""


def figures_of(connection: Connection[TupleRow], reach: Reach, within: int) -> Figures:
    """The figures now; conversion within so many days."""
    found = connection.execute(statement("monitoring/customers", PACKAGE)).fetchall()
    moves = connection.execute(statement("monitoring/moves", PACKAGE)).fetchall()
    entered = last_four_weeks(connection, reach, within)
    by_status = {status: customers for status, customers, _ in found}
    return Figures(
        {status: by_status.get(status, 0) for status in CUSTOMER_STATUSES},
        sum((ltv for _, _, ltv in found), Decimal(0)),
        tuple((before, after, number) for before, after, number in moves),
        within,
        None if entered is None else entered.share,
    )
