"""The folds of interactions and customers, written again and independently, in memory."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import Connection

from signoff_schemas import AnyEvent, ApprovalEvent, StatusDecision


@dataclass(frozen=True)
class State:
    """What the two tables should hold, as plain values."""

    interactions: dict[UUID, tuple[Any, ...]]
    customers: dict[str, tuple[str, Decimal]]
    void: frozenset[UUID] = frozenset()
    """The status decisions without effect."""


def fold(events: Iterable[AnyEvent]) -> State:
    """Fold distinct events, every interaction starting as PROSPECT with nothing."""
    distinct = sorted(
        {e.event_id: e for e in events}.values(), key=lambda e: (e.occurred_at, e.event_id)
    )
    ordered = [e for e in distinct if isinstance(e, ApprovalEvent)]
    interactions: dict[UUID, dict[str, Any]] = {}
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
    statuses, void = _statuses(distinct, owner)
    sums: dict[str, Decimal] = {}
    for row in interactions.values():
        sums[row["user"]] = sums.get(row["user"], Decimal(0)) + row["ltv"]
    for decision in distinct:
        if isinstance(decision, StatusDecision):
            sums.setdefault(decision.user_id, Decimal(0))
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
        void,
    )


def _statuses(
    ordered: Iterable[AnyEvent], owner: dict[UUID, str]
) -> tuple[dict[str, str], frozenset[UUID]]:
    """The status of each customer, and the decisions that are void."""
    statuses: dict[str, str] = {}
    void: set[UUID] = set()
    seen: dict[str, list[UUID]] = {}
    gave: dict[str, int] = {}  # the place in `seen` of the last event that gave something
    for event in ordered:
        user = owner[event.interaction_id] if event.interaction_id else str(event.user_id)
        places = seen.setdefault(user, [])
        places.append(event.event_id)
        if isinstance(event, StatusDecision) and event.rests_on is not None:
            known = event.rests_on in places[:-1]
            if not known or gave.get(user, -1) > places.index(event.rests_on):
                void.add(event.event_id)
                continue
        if event.customer_status:
            statuses[user] = event.customer_status
        if event.customer_status or getattr(event, "ltv_amount", None) is not None:
            gave[user] = len(places) - 1
    return statuses, frozenset(void)


def read(connection: Connection[Any]) -> State:
    """What the two tables do hold."""
    interactions = connection.execute(
        "SELECT id, user_id, review_status, customer_status, ltv_usd, final_bubbles, edit_tags,"
        " quality_score, review_completed_at, reviewer_id, reviewer_notes, cta_data"
        " FROM interactions"
    )
    customers = connection.execute("SELECT user_id, customer_status, ltv_usd FROM customers")
    void = connection.execute("SELECT event_id FROM status_decisions WHERE void")
    return State(
        {row[0]: tuple(row[1:]) for row in interactions},
        {row[0]: (row[1], row[2]) for row in customers},
        frozenset(row[0] for row in void),
    )
