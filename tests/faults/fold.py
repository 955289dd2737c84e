"""What the tables have to hold, folded in memory from the events as they were published."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

Event = dict[str, Any]
Row = tuple[Any, ...]


def ledger_row(event: Event) -> Row:
    """What the ledger keeps of an event."""
    return (
        datetime.fromisoformat(event["occurred_at"]),
        *(event.get(field) for field in _COLUMNS),
        _amount(event),
    )


_COLUMNS: Final = (
    "interaction_id", "user_id", "reviewer_id", "final_bubbles", "edit_tags", "quality_score",
    "reviewer_notes", "cta_data", "customer_status", "decided_by", "reason", "evidence", "rests_on",
)  # fmt: skip


def fold(events: Iterable[Event]) -> tuple[dict[str, Row], dict[str, Row], dict[str, Row]]:
    """Interactions, customers and decisions, by their keys, after these events in their order."""
    everything = sorted(events, key=_position)
    ordered = [event for event in everything if not _decides(event)]
    owners = {e["interaction_id"]: e["user_id"] for e in ordered if e["user_id"]}
    histories: dict[str, list[Event]] = {}
    users = [*owners.values(), *(event["user_id"] for event in everything if _decides(event))]
    for event in ordered:
        histories.setdefault(event["interaction_id"], []).append(event)
    by_user: dict[str, list[Event]] = {user: [] for user in users}
    for event in everything:
        by_user[event["user_id"] if _decides(event) else owners[event["interaction_id"]]].append(
            event
        )
    statuses: dict[str, str] = {}
    decisions: dict[str, Row] = {}
    for user, history in by_user.items():
        statuses[user] = _status(history, decisions)
    interactions = {key: _interaction(owners[key], one) for key, one in histories.items()}
    totals = dict.fromkeys(statuses, Decimal(0))
    for owner, _, _, ltv, *_ in interactions.values():
        totals[owner] += ltv
    customers = {user: (statuses[user], totals[user]) for user in statuses}
    return interactions, customers, decisions


def _decides(event: Event) -> bool:
    return event.get("event_type") == "status_decision"


def _status(history: list[Event], decisions: dict[str, Row]) -> str:
    """A customer's status; notes each decision, and whether it is void."""
    status, last_given = "PROSPECT", -1
    places = {event["event_id"]: place for place, event in enumerate(history)}
    for place, event in enumerate(history):
        if _decides(event):
            ground = places.get(event["rests_on"], len(history)) if event["rests_on"] else place - 1
            void = bool(event["rests_on"]) and not last_given <= ground < place
            decisions[event["event_id"]] = (event["user_id"], event["customer_status"], void)
            if void:
                continue
        if event["customer_status"]:
            status = event["customer_status"]
        if event["customer_status"] or event.get("ltv_amount") is not None:
            last_given = place
    return status


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
    amount = event.get("ltv_amount")
    return None if amount is None else Decimal(amount)
