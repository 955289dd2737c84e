"""Approval events for tests: valid unless the test says otherwise."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.apply import Outcome, apply
from signoff_db.connection import BatchConnection
from signoff_db.delivery import Delivery
from signoff_schemas import AnyEvent, ApprovalEvent, StatusDecision

TEN = datetime(2026, 1, 31, 10, tzinfo=UTC)


def approval(minute: float = 0, /, **fields: Any) -> ApprovalEvent:
    """An event that occurred so many minutes after ten; a user comes along unless given as None."""
    return ApprovalEvent.parse(mapping(minute, **fields))


def mapping(minute: float = 0, /, **fields: Any) -> dict[str, Any]:
    """The same as a mapping, which may break the contract."""
    return {
        "event_id": uuid4(),
        "occurred_at": TEN + timedelta(minutes=minute),
        "interaction_id": uuid4(),
        "user_id": "user-1",
        "final_bubbles": ["hello"],
        "quality_score": 4,
        **fields,
    }


def approvals_on(interactions: int, users: int, *, count: int) -> list[ApprovalEvent]:
    """Events of a few interactions of a few users."""
    ids = [uuid4() for _ in range(interactions)]
    return [
        approval(
            n,
            interaction_id=ids[n % interactions],
            user_id=f"user-{n % interactions % users}",
            customer_status="CUSTOMER",
            ltv_amount="1.10",
        )
        for n in range(count)
    ]


def decision(minute: float = 0, /, **fields: Any) -> StatusDecision:
    """A status decision that occurred so many minutes after ten."""
    return StatusDecision.parse(
        {
            "event_id": uuid4(),
            "event_type": "status_decision",
            "occurred_at": TEN + timedelta(minutes=minute),
            "user_id": "user-1",
            "customer_status": "CHURNED",
            "decided_by": "user:ann",
            "reason": "no answer for a year",
            **fields,
        }
    )


def delivery(event: AnyEvent) -> Delivery:
    """The event as it comes off the queue."""
    return Delivery.of_payload(str(event.event_id), event.canonical_json())


def apply_events(connection: BatchConnection, *events: AnyEvent) -> list[str]:
    """Apply the events as one batch; returns each event's result."""
    return [str(outcome.result) for outcome in outcomes(connection, *events)]


def outcomes(connection: BatchConnection, *events: AnyEvent) -> list[Outcome]:
    """Apply the events as one batch."""
    return apply(connection, [delivery(event) for event in events])


def balance(connection: BatchConnection, interaction: UUID) -> tuple[str, str] | None:
    """The interaction's status and LTV, as text."""
    row = connection.execute(
        "SELECT customer_status, ltv_usd FROM interactions WHERE id = %s", [interaction]
    ).fetchone()
    return row and (row[0], str(row[1]))


def customer(connection: Connection[TupleRow], user: str) -> tuple[str, str] | None:
    """The customer's status and LTV, as text."""
    row = connection.execute(
        "SELECT customer_status, ltv_usd FROM customers WHERE user_id = %s", [user]
    ).fetchone()
    return row and (row[0], str(row[1]))
