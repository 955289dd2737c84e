"""The contexts of customers, computed in plain Python from events and reviews, apart from the SQL.

`plain_contexts(events, reviews)` gives what `contexts.sql` must give for each customer.
Interactions of other systems are not known here.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from plain_insight import PlainCustomer, cta_label, plain_facts
from reference import State, fold

from signoff_schemas import AnyEvent, ApprovalEvent

CTA_TAGS = ("CTA_SOFT", "CTA_MEDIUM", "CTA_DIRECT")
MOST_DESCRIBED = 16_384


@dataclass(frozen=True)
class PlainReview:
    """A review as its row has it."""

    interaction_id: UUID
    user_id: str
    received_at: datetime
    customer_message: str | None = None
    context: Mapping[str, Any] | None = None
    state: str = "pending"


@dataclass(frozen=True)
class PlainReply:
    """An interaction with a reply, in its present state."""

    interaction_id: UUID
    status: str
    ltv_usd: Decimal
    bubbles: list[str]
    tags: list[str]
    score: int
    replied_at: datetime
    reviewer: str | None
    cta: Any


def plain_contexts(
    events: Iterable[AnyEvent], reviews: Iterable[PlainReview] = ()
) -> dict[str, dict[str, Any]]:
    """The contexts by user_id, as values of JSON; numbers are `Decimal`."""
    events, reviews = list(events), list(reviews)
    customers, state = plain_facts(events), fold(events)
    users = {*state.customers, *(review.user_id for review in reviews)}
    return {user: _context(user, customers.get(user), state, reviews) for user in sorted(users)}


def instant(moment: datetime | None) -> str | None:
    """An instant as contexts have it."""
    if moment is None:
        return None
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def _context(
    user: str, customer: PlainCustomer | None, state: State, reviews: Sequence[PlainReview]
) -> dict[str, Any]:
    replies = _replies(user, state)
    own = [review for review in reviews if review.user_id == user]
    status, ltv = state.customers.get(user, (None, None))
    approvals = customer.approvals if customer else []
    scores = [reply.score for reply in replies]
    ctas = [reply for reply in replies if reply.cta or any(tag in CTA_TAGS for tag in reply.tags)]
    since, decided_by = _present_status(customer)
    return {
        "user_id": user,
        "customer_status": status,
        "status_since": instant(since),
        "status_decided_by": decided_by,
        "ltv_usd": None if ltv is None else f"{ltv:.2f}",
        "first_contact_at": instant(min((a.occurred_at for a in approvals), default=None)),
        "last_contact_at": instant(max((a.occurred_at for a in approvals), default=None)),
        "counts": {
            "approvals": len(approvals),
            "interactions": len(replies),
            "purchases": len(customer.purchases) if customer else 0,
            "status_decisions": len(customer.events) - len(approvals) if customer else 0,
            "waiting_reviews": sum(review.state == "pending" for review in own),
        },
        "exchanges": [_exchange(reply, own) for reply in replies[:10]],
        "tags": dict(Counter(tag for reply in replies for tag in reply.tags)),
        "scores": {"mean": _mean(scores), "last": scores[:10]},
        "ctas": [_cta(reply) for reply in ctas[:20]],
        "open_proposals": [],
        "customer": _described(own),
    }


def _replies(user: str, state: State) -> list[PlainReply]:
    """The latest first."""
    found = [
        PlainReply(key, row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[10])
        for key, row in state.interactions.items()
        if row[0] == user
    ]
    return sorted(found, key=lambda reply: (reply.replied_at, reply.interaction_id), reverse=True)


def _present_status(customer: PlainCustomer | None) -> tuple[datetime | None, str | None]:
    """Since when the customer has its status, and who gave it."""
    if customer is None or not customer.events:
        return None, None
    spell = customer.spells[-1]
    if len(customer.spells) == 1:
        return spell.began_at, None
    before, gave = None, None
    status = customer.spells[0].status
    for event in customer.events:
        if event.customer_status and event.customer_status != status:
            status, before, gave = event.customer_status, status, event
    assert before is not None
    assert gave is not None
    if isinstance(gave, ApprovalEvent):
        return gave.occurred_at, gave.reviewer_id and f"reviewer:{gave.reviewer_id}"
    return gave.occurred_at, gave.decided_by


def _mean(scores: Sequence[int]) -> Decimal | None:
    if not scores:
        return None
    mean = Decimal(sum(scores)) / len(scores)
    return mean.quantize(Decimal("0.01"), ROUND_HALF_UP)


def _exchange(reply: PlainReply, reviews: Sequence[PlainReview]) -> dict[str, Any]:
    messages = [r.customer_message for r in reviews if r.interaction_id == reply.interaction_id]
    message = messages[0] if messages else None
    return {
        "interaction_id": str(reply.interaction_id),
        "customer_message": message and message[:4000],
        "reply": reply.bubbles,
        "replied_at": instant(reply.replied_at),
        "edit_tags": reply.tags,
        "quality_score": reply.score,
        "reviewer_id": reply.reviewer,
        "cta": reply.cta,
        "customer_status": reply.status,
        "ltv_usd": f"{reply.ltv_usd:.2f}",
    }


def _cta(reply: PlainReply) -> dict[str, Any]:
    return {
        "interaction_id": str(reply.interaction_id),
        "replied_at": instant(reply.replied_at),
        "label": cta_label(reply.cta),
        "tags": [tag for tag in CTA_TAGS if tag in reply.tags],
        "cta": reply.cta,
    }


def _described(reviews: Sequence[PlainReview]) -> dict[str, Any]:
    """What was said of the customer: each member as it was given last, as many as fit."""
    latest = sorted(reviews, key=lambda r: (r.received_at, r.interaction_id), reverse=True)[:200]
    said: dict[str, Any] = {}
    size = 0
    for review in latest:
        customer = (review.context or {}).get("customer")
        if not isinstance(customer, dict):
            continue
        for key in sorted(customer.keys() - said.keys(), key=lambda text: text.encode()):
            said[key] = customer[key]
    described = {}
    for key, value in said.items():
        own = len(_text(key).encode()) + len(_text(value).encode()) + 4
        if own > MOST_DESCRIBED or depth(value) >= 32:
            continue
        size += own
        if size <= MOST_DESCRIBED:
            described[key] = value
    return described


def _text(value: Any) -> str:
    """JSON as Postgres writes it."""
    return json.dumps(value, ensure_ascii=False)


def depth(value: Any) -> int:
    """How many levels are below a value."""
    match value:
        case dict():
            return 1 + max(map(depth, value.values()), default=-1)
        case list():
            return 1 + max(map(depth, value), default=-1)
    return 0
