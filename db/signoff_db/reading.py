"""Read-only queries of the state, for commands to show."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.pages import Page, key_of, page_of
from signoff_db.sql import statement
from signoff_db.void_reasons import VoidReason, void_reasons
from signoff_schemas import FailureKind

_EXACT: Final = 10_000
"""Up to this many events are counted; a larger number is an estimate."""
_LEDGER: Final = "ledger"
_INTERACTIONS: Final = "interactions"
_BOUNDS: Final = {"characters": 10_000, "elements": 100, "bytes": 262_144}
"""Of a text, of a list and of JSON in `interactions`, which may be another system's table."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """One row of `interactions`; what an event could not have written may be cut."""

    id: UUID
    user_id: str | None
    review_status: str | None
    reviewer_id: str | None
    final_bubbles: list[str] | None
    edit_tags: list[str] | None
    quality_score: int | None
    reviewer_notes: str | None
    cta_data: Any
    customer_status: str | None
    ltv_usd: Decimal | None
    review_completed_at: datetime | None
    created_at: datetime | None
    updated_at: datetime | None
    opening_customer_status: str | None
    """The status and LTV before its first event; None until there is one."""
    opening_ltv_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One event of the ledger; of an approval, its interaction's balance after it too."""

    event_id: UUID
    event_type: str
    """`approval` or `status_decision`."""
    occurred_at: datetime
    applied_at: datetime
    interaction_id: UUID | None
    """None for a decision."""
    user_id: str | None
    reviewer_id: str | None
    quality_score: int | None
    given_status: str | None
    given_ltv: Decimal | None
    customer_status: str | None
    """The interaction's status after the event, in order of occurrence; None for a decision."""
    ltv_usd: Decimal | None
    """Likewise its LTV."""
    status_superseded: bool
    """Whether a newer event holds the status: of an approval's interaction, of a decision's
    customer."""
    decided_by: str | None
    reason: str | None
    evidence: Any
    rests_on: UUID | None
    """These four are None for an approval."""
    void: bool
    """Whether it is a decision without effect now."""
    void_because: VoidReason | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of `status_transitions`."""

    user_id: str | None
    from_status: str
    to_status: str
    occurred_at: datetime
    interaction_id: UUID | None
    """None for a status decision."""
    event_id: UUID
    on_path: bool
    decided_by: str | None
    """As the decision says; the reviewer of an approval is `reviewer:ID`."""


@dataclass(frozen=True, slots=True)
class Customer:
    """One row of `customers`."""

    user_id: str
    customer_status: str
    ltv_usd: Decimal
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """One row of `customer_funnel`."""

    customer_status: str
    customers: int
    ltv_usd: Decimal


@dataclass(frozen=True, slots=True)
class Overview:
    """The totals of the ledger and of the open dead letters."""

    applied: int
    """Events of the ledger; a large number is an estimate, since counting takes too long."""
    applied_is_estimate: bool
    decisions: int
    """Status decisions, those of detached partitions included."""
    decisions_is_estimate: bool
    last_applied_at: datetime | None
    dead: dict[FailureKind, int]
    """Open dead letters by kind."""


@contextmanager
def snapshot(connection: Connection[TupleRow]) -> Iterator[None]:
    """A read-only transaction in which all queries see the same state."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def overview(connection: Connection[TupleRow]) -> Overview:
    """Totals of the ledger and of the open dead letters, however large the ledger is."""
    row = connection.execute(statement("overview"), {"exact": _EXACT}).fetchone()
    if row is None:
        raise AssertionError
    applied, decisions, last_applied_at, by_kind = row
    return Overview(
        *_counted(connection, applied, "estimate_ledger"),
        *_counted(connection, decisions, "estimate_decisions"),
        last_applied_at,
        {FailureKind(kind): letters for kind, letters in by_kind.items()},
    )


def _counted(connection: Connection[TupleRow], counted: int, estimate: str) -> tuple[int, bool]:
    """The number of rows, and whether it is an estimate; `estimate` names the statement for it."""
    if counted <= _EXACT:
        return counted, False
    row = connection.execute(statement(estimate)).fetchone()
    if row is None:
        raise AssertionError
    ((plan,),) = row
    return max(counted, int(plan["Plan"]["Plan Rows"])), True


def funnel(connection: Connection[TupleRow]) -> list[FunnelStep]:
    """Customers and their LTV by status, in the funnel's order."""
    with connection.cursor(row_factory=class_row(FunnelStep)) as cursor:
        return cursor.execute(statement("read_funnel")).fetchall()


def interaction(connection: Connection[TupleRow], interaction_id: UUID) -> Interaction | None:
    """One interaction."""
    with connection.cursor(row_factory=class_row(Interaction)) as cursor:
        parameters = {"interaction_id": interaction_id, **_BOUNDS}
        return cursor.execute(statement("read_interaction"), parameters).fetchone()


def customer(connection: Connection[TupleRow], user_id: str) -> Customer | None:
    """One customer."""
    with connection.cursor(row_factory=class_row(Customer)) as cursor:
        return cursor.execute(statement("read_customer"), {"user_id": user_id}).fetchone()


def interactions_of(
    connection: Connection[TupleRow], user_id: str, *, limit: int, cursor: str | None = None
) -> Page[UUID]:
    """A page of the ids of a customer's interactions, the newest first.

    Raises:
        CursorError: the cursor is none that this list gave.
    """
    parameters = {
        "user_id": user_id,
        "before": key_of(cursor, _INTERACTIONS, UUID),
        "limit": limit + 1,
    }
    rows = connection.execute(statement("interactions_of_user"), parameters)
    return page_of([row[0] for row in rows], limit, _INTERACTIONS, lambda found: found)


def ledger_of(
    connection: Connection[TupleRow],
    *,
    user_id: str | None = None,
    interaction_id: UUID | None = None,
    limit: int,
    cursor: str | None = None,
) -> Page[LedgerEntry]:
    """A page of a customer's or an interaction's events, the latest first, with their balances.

    Raises:
        CursorError: the cursor is none that this list gave.
    """
    before_at, before_id = key_of(cursor, _LEDGER, _position) or (None, None)
    parameters = {
        "user_id": user_id,
        "interaction_id": interaction_id,
        "before_at": before_at,
        "before_id": before_id,
        "limit": limit + 1,
    }
    found = connection.execute(statement("latest_events"), parameters).fetchall()
    page = page_of(found, limit, _LEDGER, lambda row: f"{row[1].isoformat()} {row[0]}")
    interactions = {row[2] for row in page.items if row[2] is not None}
    entries = _entries(connection, interactions, [row[0] for row in page.items])
    return Page(tuple(reversed(entries)), page.next)


def moment_of(cursor: str | None) -> datetime | None:
    """When the last event of the page before occurred; None for the first page.

    Raises:
        CursorError: the cursor is none that the list of a ledger gave.
    """
    place = key_of(cursor, _LEDGER, _position)
    return place and place[0]


def _position(text: str) -> tuple[datetime, UUID]:
    """An event's place in the order of occurrence; raises `ValueError` if the text is none."""
    moment, event_id = text.split(" ")
    return datetime.fromisoformat(moment), UUID(event_id)


def _entries(
    connection: Connection[TupleRow], interactions: Collection[UUID], events: Sequence[UUID]
) -> list[LedgerEntry]:
    """These events of these interactions, in order of occurrence."""
    parameters = {"interactions": list(interactions), "events": list(events)}
    with connection.cursor(row_factory=class_row(LedgerEntry)) as cursor:
        entries = cursor.execute(statement("read_ledger"), parameters).fetchall()
    void = [entry.event_id for entry in entries if entry.void]
    reasons = void_reasons(connection, void) if void else {}
    return [replace(entry, void_because=reasons.get(entry.event_id)) for entry in entries]


def ledger_entry(connection: Connection[TupleRow], event_id: UUID) -> LedgerEntry | None:
    """One applied event."""
    row = connection.execute(statement("interaction_of_event"), {"event_id": event_id}).fetchone()
    if row is None:
        return None
    (entry,) = _entries(connection, [row[0]] if row[0] else [], [event_id])
    return entry


def transitions_by(
    connection: Connection[TupleRow],
    entries: Sequence[LedgerEntry],
    *,
    user_id: str | None = None,
    interaction_id: UUID | None = None,
) -> list[Transition]:
    """The moves of a customer through the funnel that these events caused, in their order.

    Without a customer, those of the interaction.
    """
    parameters = {
        "user_id": user_id,
        "interaction_id": interaction_id,
        "events": [entry.event_id for entry in entries],
    }
    with connection.cursor(row_factory=class_row(Transition)) as cursor:
        return cursor.execute(statement("read_transitions"), parameters).fetchall()


def recent_deaths(connection: Connection[TupleRow], *, most: int) -> int:
    """How many events workers died with in the last hour, up to `most`: letters still open."""
    row = connection.execute(statement("recent_deaths"), {"most": most}).fetchone()
    return int(row[0]) if row else 0


def count_causes(connection: Connection[TupleRow], *, most: int) -> int:
    """How many causes the open dead letters have; `most` stands for that many or more."""
    row = connection.execute(statement("count_causes"), {"most": most}).fetchone()
    return int(row[0]) if row else 0
