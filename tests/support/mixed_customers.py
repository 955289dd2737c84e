"""Some hundred customers with all that can happen to them, from a seed."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from mixed import mixed_events

from signoff_schemas import EDIT_TAGS, AnyEvent, ApprovalEvent

FIRST = datetime(2024, 10, 20, tzinfo=UTC)
LAST = datetime(2025, 11, 20, tzinfo=UTC)
REVIEWERS = ("rev-1", "rev-2", "rev-3")
CTAS: tuple[dict[str, str], ...] = (
    {"type": "call"},
    {"kind": "book"},
    {"name": " demo "},
    {"type": ""},
    {},
)


@cache
def mixed_customers(count: int = 2400, users: int = 400) -> Sequence[AnyEvent]:
    """Approvals and status decisions, in no order; many at the same times of day.

    There are void decisions, amounts with any status, customers who skip steps, are lost and come
    back, and some who never get a status.
    """
    chance = random.Random(15)
    events = mixed_events(chance, count, FIRST, LAST, users=users)
    return [_changed(event, chance) for event in events]


def _changed(event: AnyEvent, chance: random.Random) -> AnyEvent:
    at = event.occurred_at
    if chance.random() < 0.5:  # whole days between events, and events at the same time
        at = datetime(at.year, at.month, at.day, tzinfo=UTC) + timedelta(hours=3)
    changes: dict[str, object] = {"occurred_at": at}
    if isinstance(event, ApprovalEvent):
        changes["reviewer_id"] = chance.choice([*REVIEWERS, None])
        changes["edit_tags"] = chance.sample(EDIT_TAGS[:6], chance.choice([0, 0, 1, 2]))
        changes["cta_data"] = chance.choice([None, None, *CTAS])
    return event.model_copy(update=changes)
