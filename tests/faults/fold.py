"""What the tables have to hold, folded in memory from the events as they were published."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

Event = dict[str, Any]
Row = tuple[Any, ...]


def ledger_row(event: Event) -> Row:
    """What the ledger keeps of an event."""
    return (
        datetime.fromisoformat(event["occurred_at"]),
        event["interaction_id"],
        event["user_id"],
        event["reviewer_id"],
        event["final_bubbles"],
        event["edit_tags"],
        event["quality_score"],
        event["reviewer_notes"],
        event["cta_data"],
        event["customer_status"],
        _amount(event),
    )


def fold(events: Iterable[Event]) -> tuple[dict[str, Row], dict[str, Row]]:
    """Interactions and customers, by their keys, after these events in the order of occurrence."""
    ordered = sorted(events, key=_position)
    owners = {e["interaction_id"]: e["user_id"] for e in ordered if e["user_id"]}
    histories: dict[str, list[Event]] = {}
    statuses = dict.fromkeys(owners.values(), "PROSPECT")
    for event in ordered:
        histories.setdefault(event["interaction_id"], []).append(event)
        if event["customer_status"]:
            statuses[owners[event["interaction_id"]]] = event["customer_status"]
    interactions = {key: _interaction(owners[key], one) for key, one in histories.items()}
    totals = dict.fromkeys(statuses, Decimal(0))
    for owner, _, _, ltv, *_ in interactions.values():
        totals[owner] += ltv
    return interactions, {user: (statuses[user], totals[user]) for user in statuses}


def _interaction(owner: str, history: list[Event]) -> Row:
    status, ltv = "PROSPECT", Decimal(0)
    given: dict[str, Any] = dict.fromkeys(("reviewer_id", "reviewer_notes", "cta_data"))
    for event in history:
        status = event["customer_status"] or status
        amount = _amount(event)
        if amount is not None:
            ltv = ltv + amount if status == "CUSTOMER" else amount
        given |= {name: event[name] for name in given if event[name] is not None}
    last = history[-1]
    texts = (last["final_bubbles"], last["edit_tags"], last["quality_score"])
    when = datetime.fromisoformat(last["occurred_at"])
    return owner, "approved", status, ltv, *texts, when, *given.values()


def _position(event: Event) -> tuple[datetime, str]:
    return datetime.fromisoformat(event["occurred_at"]), event["event_id"]


def _amount(event: Event) -> Decimal | None:
    return None if event["ltv_amount"] is None else Decimal(event["ltv_amount"])
