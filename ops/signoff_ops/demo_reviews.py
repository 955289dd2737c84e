"""The reviews of `signoff demo`: what customers wrote before each reply of its history.

A review is decided by the approval that the history has, some are rejected, and a few wait. So the
desk and its figures are not empty, and a customer's context holds what the customer wrote.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic_core import to_json

from signoff_db.sql import statement
from signoff_ops.servers import Servers
from signoff_schemas import ApprovalEvent

Row = dict[str, Any]
"""A row of `reviews`, with the event of the approval as JSON."""
WAITING: Final = 12
_SEED: Final = 5
_REJECTED: Final = 0.06
"""For how many of the replies another draft was rejected before."""
_REASONS: Final = (
    "That is not what was asked.",
    "Too pushy.",
    "The price is wrong.",
    "We wrote the same last week.",
)
_MESSAGES: Final = {
    "PROSPECT": (
        "Hello! A friend told me about you. What do you do?",
        "Hi, how does this work?",
        "I saw your page. Is this for me?",
    ),
    "LEAD_QUALIFIED": (
        "That sounds good. How much is it?",
        "I would like to try it. What do I have to do?",
        "Can we talk about it?",
    ),
    "CUSTOMER": (
        "I will take it.",
        "Please send me the same again.",
        "I would like another one.",
    ),
    None: (
        "And how long does it take?",
        "Thank you! One more question: can I change it later?",
        "I have to think about it.",
        "Could you send me more about that?",
    ),
}
"""What customers write, by the status that the reply gives. To those who were lost we wrote first.
"""
_LONGER: Final = "Please do not hesitate to contact us if there is anything else."
"""What drafts end with, and reviewers cut."""
_NAMES: Final = (
    ("Mia", "de", "Europe/Berlin"),
    ("Liam", "en", "Europe/Dublin"),
    ("Chloé", "fr", "Europe/Paris"),
    ("Noah", "en", "America/Chicago"),
    ("Sofía", "es", "Europe/Madrid"),
    ("Luca", "it", "Europe/Rome"),
    ("Aylin", "tr", "Europe/Istanbul"),
    ("Jan", "nl", "Europe/Amsterdam"),
    ("Zofia", "pl", "Europe/Warsaw"),
    ("Yuki", "ja", "Asia/Tokyo"),
)


def reviews(events: Sequence[ApprovalEvent], now: datetime) -> Iterator[Row]:
    """The reviews of a history: those that its approvals decided, rejected ones, some that wait.

    Those that wait came in within the last two hours.
    """
    chance = random.Random(_SEED)
    for event in events:
        yield _approved(chance, event)
        if chance.random() < _REJECTED:
            yield _rejected(chance, event)
    for number, event in enumerate(chance.sample(events, WAITING)):
        yield _waiting(chance, event, now - timedelta(minutes=3 + 7 * number))


def insert_reviews(servers: Servers, events: Sequence[ApprovalEvent]) -> int:
    """Insert the reviews of a history whose events were published; returns how many.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    rows = list(reviews(events, datetime.now(UTC)))
    with servers.database() as connection:
        connection.execute(
            statement("insert_reviews", "signoff_ops"), {"reviews": to_json(rows).decode()}
        )
    return len(rows)


def _approved(chance: random.Random, event: ApprovalEvent) -> Row:
    decided = event.occurred_at
    return _received(chance, event, decided) | {
        "interaction_id": event.interaction_id,
        "state": "approved",
        "decided_by": event.reviewer_id,
        "event_id": event.event_id,
        "event": event.canonical_json().decode(),
    }


def _rejected(chance: random.Random, event: ApprovalEvent) -> Row:
    decided = event.occurred_at - timedelta(hours=chance.uniform(6, 12))
    return _received(chance, event, decided) | {
        "interaction_id": _identifier(event.interaction_id, "rejected"),
        "state": "rejected",
        "decided_by": event.reviewer_id,
        "reject_reason": chance.choice(_REASONS),
    }


def _waiting(chance: random.Random, event: ApprovalEvent, received: datetime) -> Row:
    return _draft(chance, event) | {
        "interaction_id": _identifier(event.interaction_id, "waiting"),
        "customer_message": chance.choice(_MESSAGES[None]),
        "state": "pending",
        "received_at": received,
    }


def _received(chance: random.Random, event: ApprovalEvent, decided: datetime) -> Row:
    """When it came in, was opened, and decided: most within the hour, some much later."""
    opened = decided - timedelta(minutes=chance.uniform(0.5, 6))
    waited = timedelta(minutes=chance.lognormvariate(3.2, 0.9))
    return _draft(chance, event) | {
        "received_at": opened - waited,
        "opened_at": opened,
        "decided_at": decided,
    }


def _draft(chance: random.Random, event: ApprovalEvent) -> Row:
    user = str(event.user_id)
    name, language, zone = random.Random(user).choice(_NAMES)
    written = _MESSAGES.get(event.customer_status)
    return {
        "user_id": user,
        "customer_message": chance.choice(written) if written else None,
        "draft_bubbles": [*event.final_bubbles, _LONGER],
        "context": {"customer": {"name": name, "language": language, "time_zone": zone}},
        "priority": 0.5 if event.customer_status == "CUSTOMER" else 0,
    }


def _identifier(interaction: UUID, what: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"signoff-demo:{interaction}:{what}")
