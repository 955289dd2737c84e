"""The fold of design 3, written down once more and independently, in memory."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import Connection

from signoff_schemas import ApprovalEvent


@dataclass(frozen=True)
class State:
    """What the two tables should hold, as plain values."""

    interactions: dict[UUID, tuple[Any, ...]]
    customers: dict[str, tuple[str, Decimal]]


def fold(events: Iterable[ApprovalEvent]) -> State:
    """Fold distinct events, every interaction starting as PROSPECT with nothing."""
    ordered = sorted(
        {e.event_id: e for e in events}.values(), key=lambda e: (e.occurred_at, e.event_id)
    )
    interactions: dict[UUID, dict[str, Any]] = {}
    statuses: dict[str, str] = {}
    for event in ordered:
        row = interactions.setdefault(
            event.interaction_id,
            {
                "user": None,
                "status": "PROSPECT",
                "ltv": Decimal(0),
                "reviewer": None,
                "notes": None,
                "cta": None,
            },
        )
        row["user"] = row["user"] or event.user_id
        row["status"] = event.customer_status or row["status"]
        if event.ltv_amount is not None:
            base = row["ltv"] if row["status"] == "CUSTOMER" else Decimal(0)
            row["ltv"] = base + event.ltv_amount
        row["last"] = (
            list(event.final_bubbles),
            list(event.edit_tags),
            event.quality_score,
            event.occurred_at,
        )
        row["reviewer"] = event.reviewer_id if event.reviewer_id is not None else row["reviewer"]
        row["notes"] = event.reviewer_notes if event.reviewer_notes is not None else row["notes"]
        row["cta"] = event.cta_data if event.cta_data is not None else row["cta"]
    owner = {key: row["user"] for key, row in interactions.items()}
    for event in ordered:
        if event.customer_status:
            statuses[owner[event.interaction_id]] = event.customer_status
    sums: dict[str, Decimal] = {}
    for row in interactions.values():
        sums[row["user"]] = sums.get(row["user"], Decimal(0)) + row["ltv"]
    return State(
        {
            key: (
                row["user"],
                "approved",
                row["status"],
                row["ltv"],
                *row["last"],
                row["reviewer"],
                row["notes"],
                row["cta"],
            )
            for key, row in interactions.items()
        },
        {user: (statuses.get(user, "PROSPECT"), total) for user, total in sums.items()},
    )


def read(connection: Connection[Any]) -> State:
    """What the two tables do hold."""
    interactions = connection.execute(
        "SELECT id, user_id, review_status, customer_status, ltv_usd, final_bubbles, edit_tags,"
        " quality_score, review_completed_at, reviewer_id, reviewer_notes, cta_data"
        " FROM interactions"
    )
    customers = connection.execute("SELECT user_id, customer_status, ltv_usd FROM customers")
    return State(
        {row[0]: tuple(row[1:]) for row in interactions},
        {row[0]: (row[1], row[2]) for row in customers},
    )
