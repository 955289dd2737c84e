"""Check that the state equals the fold of the ledger, and that no event is accounted for twice."""

from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import psycopg
from psycopg import Connection, IsolationLevel
from psycopg.rows import TupleRow, class_row

from signoff_db.ledger_content import altered
from signoff_db.sql import statement

_SAMPLE: Final = 1000
"""The most differences that are listed; all are counted."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that differs from the fold of the ledger."""

    what: str
    """`interaction`, `customer` or `event`."""
    key: str
    field: str
    expected: str | None
    found: str | None


@dataclass(frozen=True, slots=True)
class Totals:
    """The number of rows in each table."""

    events: int
    decisions: int
    """How many of the events are status decisions."""
    void: int
    """How many status decisions are void now, those of detached partitions included."""
    interactions: int
    customers: int
    ltv_usd: Decimal
    dead: int
    resolved: int
    discarded: int


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was compared, and what differs."""

    totals: Totals
    differences: tuple[Difference, ...]
    """At most a thousand of them."""
    differing: int
    """The number of all differences."""


def audit(connection: Connection[TupleRow]) -> AuditReport:
    """Fold the whole ledger and compare, in one snapshot: so it is exact while workers go on.

    Each event of the ledger is also compared with its hash.

    Args:
        connection: in autocommit mode, outside of a transaction; from `connect`, not from
            `connect_for_batches`, whose settings are made for small statements.
    """
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    try:
        with connection.transaction(), connection.cursor(row_factory=class_row(Totals)) as cursor:
            _end_with_the_client(connection)
            totals = cursor.execute(statement("totals")).fetchone()
            rows = connection.execute(statement("audit"), {"limit": _SAMPLE}).fetchall()
            changed, listed = _altered_events(connection)
    finally:
        connection.isolation_level = None
        connection.read_only = None
    if totals is None:
        raise AssertionError
    differences = [*listed, *(Difference(*row[:5]) for row in rows)]
    differing = changed + (rows[0][5] if rows else 0)
    return AuditReport(totals, tuple(differences[:_SAMPLE]), differing)


def _end_with_the_client(connection: Connection[TupleRow]) -> None:
    """Postgres looks whether the client is still there: an audit takes minutes.

    Not every system can look.
    """
    with suppress(psycopg.errors.InvalidParameterValue), connection.transaction():
        connection.execute("SET LOCAL client_connection_check_interval = '10s'")


def _altered_events(connection: Connection[TupleRow]) -> tuple[int, list[Difference]]:
    """The number of events of the ledger that differ from their hash, and the first of them."""
    number, listed = 0, []
    for event_id, noted, found in altered(connection):
        number += 1
        if number <= _SAMPLE:
            listed.append(Difference("event", str(event_id), "content_hash", noted, found))
    return number, listed
