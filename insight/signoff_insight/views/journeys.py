"""Journeys: from which status to which customers move."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.report import Asked, Column, Reach, Report, Table, Unit, Value
from signoff_insight.views.reading import read
from signoff_insight.views.selection import selection
from signoff_schemas import CUSTOMER_STATUSES

NAME: Final = "journeys"
TITLE: Final = "Journeys"
DEFINITION: Final = (
    "How often customers moved from one status to another, each move between two statuses that"
    " follow each other and differ; and the status that the customers have now."
)
_NOTES: Final = (
    "A share is of all moves out of the same status, not of all customers in it.",
    "What is on the path is as in the view status_transitions.",
    "A reactivation is a move out of CHURNED or LEAD_EXHAUSTED into one of the other three.",
    "Dates are those of the move; the status now is that of all customers, whenever they moved.",
    "A cohort is the month of the customer's first event.",
    "A reviewer or a tag is that of the customer's first approval.",
    "Customers without any event are not counted.",
    "LTV is the folded one, as on the page of a customer.",
)
_LOST: Final = ("CHURNED", "LEAD_EXHAUSTED")
_MOVES: Final = (
    Column("from_status", "From", Unit.TEXT),
    Column("to_status", "To", Unit.TEXT),
    Column("customers", "Customers"),
    Column("moves", "Moves"),
    Column("share", "Share of moves out", Unit.SHARE),
    Column("on_path", "On the path", Unit.FLAG),
    Column("is_reactivation", "Reactivation", Unit.FLAG),
)
_NOW: Final = (
    Column("status", "Status", Unit.TEXT),
    Column("customers", "Customers"),
    Column("ltv_usd", "LTV", Unit.USD),
)


@dataclass(frozen=True, slots=True)
class _Moves:
    """A row of `journeys_moves.sql`."""

    from_status: str
    to_status: str
    on_path: bool
    customers: int
    moves: int


@dataclass(frozen=True, slots=True)
class _Status:
    """A row of `journeys_now.sql`."""

    customer_status: str
    customers: int
    ltv_usd: Decimal


def journeys(connection: Connection[TupleRow], asked: Asked, reach: Reach) -> Report:
    """The moves, and the customers by the status that they have now."""
    parameters = selection(asked, reach)
    moves = read(connection, "journeys_moves", parameters, _Moves)
    now = read(connection, "journeys_now", parameters, _Status)
    return Report(
        NAME,
        TITLE,
        DEFINITION,
        asked,
        reach,
        (
            Table("moves", "Moves", _MOVES, tuple(_move(move, moves) for move in moves)),
            Table("now", "Status now", _NOW, tuple(_now(now))),
        ),
        notes=_NOTES,
    )


def _move(move: _Moves, moves: Sequence[_Moves]) -> tuple[Value, ...]:
    out = sum(other.moves for other in moves if other.from_status == move.from_status)
    return (
        move.from_status,
        move.to_status,
        move.customers,
        move.moves,
        move.moves / out,
        move.on_path,
        move.from_status in _LOST and move.to_status not in _LOST,
    )


def _now(rows: Iterable[_Status]) -> Iterable[tuple[Value, ...]]:
    """All statuses, also those that nobody has."""
    found = {row.customer_status: row for row in rows}
    for status in CUSTOMER_STATUSES:
        row = found.get(status, _Status(status, 0, Decimal("0.00")))
        yield status, row.customers, row.ltv_usd
