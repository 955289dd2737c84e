"""The facts of customers, computed in plain Python from their events, independently of the SQL.

`plain_facts(events)` gives one `PlainCustomer` for each customer with an event. What the tables of
facts and the views hold must follow from these values.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

from reference import fold

from signoff_schemas import AnyEvent, ApprovalEvent

LOST = ("CHURNED", "LEAD_EXHAUSTED")


@dataclass(frozen=True)
class PlainSpell:
    """A time in one status."""

    status: str
    began_at: datetime | None
    """None if another system gave the status before."""
    ended_at: datetime | None
    next_status: str | None


@dataclass(frozen=True)
class PlainPurchase:
    """An event with an amount after which its interaction's status is CUSTOMER."""

    occurred_at: datetime
    usd: Decimal


@dataclass(frozen=True)
class PlainExposure:
    """An approval after which the customer was not CUSTOMER."""

    event: ApprovalEvent
    status: str
    """The customer's status after the approval."""
    is_first: bool
    new_tags: frozenset[str]
    new_reviewer: str | None
    new_cta: str | None
    """New: not seen by this customer in this status before."""
    converted_at: datetime | None
    """When a later event made the customer CUSTOMER the next time."""

    @property
    def is_new(self) -> bool:
        """Whether it showed the customer anything new, so that the facts hold it."""
        return bool(self.is_first or self.new_tags or self.new_reviewer or self.new_cta)


@dataclass(frozen=True)
class PlainCustomer:
    """One customer; `events` are in order, without the void decisions."""

    user_id: str
    events: tuple[AnyEvent, ...]
    status: str
    ltv_usd: Decimal
    spells: tuple[PlainSpell, ...]
    purchases: tuple[PlainPurchase, ...]
    exposures: tuple[PlainExposure, ...]
    prospect_at: datetime | None
    qualified_at: datetime | None
    customer_at: datetime | None
    churned_at: datetime | None
    lost_as_prospect_at: datetime | None
    lost_as_lead_at: datetime | None

    @property
    def first_event_at(self) -> datetime:
        """When the first event occurred."""
        return self.events[0].occurred_at

    @property
    def last_event_at(self) -> datetime:
        """When the latest event occurred."""
        return self.events[-1].occurred_at

    @property
    def approvals(self) -> list[ApprovalEvent]:
        """Its approvals, in order."""
        return [event for event in self.events if isinstance(event, ApprovalEvent)]

    @property
    def first_reviewer(self) -> str | None:
        """Who gave the first approval."""
        return self.approvals[0].reviewer_id if self.approvals else None

    @property
    def first_tags(self) -> tuple[str, ...]:
        """The edit tags of the first approval."""
        return tuple(self.approvals[0].edit_tags) if self.approvals else ()


def plain_facts(
    events: Iterable[AnyEvent],
    *,
    adopted: Mapping[UUID, str] | None = None,
    known: Mapping[str, str] | None = None,
) -> dict[str, PlainCustomer]:
    """The customers by user_id.

    Args:
        events: in any order; some may occur several times.
        adopted: the status of each interaction that another system kept before.
        known: the status of each customer whose first status event is a decision, and that another
            system kept before (that of its newest interaction).
    """
    distinct = list({event.event_id: event for event in events}.values())
    folded = fold(distinct)
    owner = {key: row[0] for key, row in folded.interactions.items()}
    of_customer: dict[str, list[AnyEvent]] = defaultdict(list)
    for event in sorted(distinct, key=lambda e: (e.occurred_at, e.event_id)):
        user = owner[event.interaction_id] if event.interaction_id else event.user_id
        if user is not None and event.event_id not in folded.void:
            of_customer[user].append(event)
    return {
        user: _customer(user, tuple(own), adopted or {}, (known or {}).get(user), folded.customers)
        for user, own in of_customer.items()
    }


def latest(customers: Mapping[str, PlainCustomer]) -> datetime | None:
    """When the latest event of all occurred: the end of observation."""
    return max((customer.last_event_at for customer in customers.values()), default=None)


def month_of(instant: datetime, timezone: str = "UTC") -> date:
    """The first day of the month in which this was."""
    return day_of(instant, timezone).replace(day=1)


def day_of(instant: datetime, timezone: str = "UTC") -> date:
    """The day on which this was."""
    return instant.astimezone(ZoneInfo(timezone)).date()


def whole_months(first: date, last: date) -> int:
    """Whole months from one day to a later one."""
    months = (last.year - first.year) * 12 + last.month - first.month
    return months - (last.day < first.day)


def cta_label(cta: Mapping[str, object] | None) -> str | None:
    """What charts call a CTA."""
    if not cta:
        return None
    value = next((cta[key] for key in ("type", "kind", "name") if cta.get(key) is not None), "")
    text = value if isinstance(value, str) else json.dumps(value)
    return text.strip(" ")[:60] or "other"


def _customer(
    user: str,
    events: tuple[AnyEvent, ...],
    adopted: Mapping[UUID, str],
    known: str | None,
    totals: Mapping[str, tuple[str, Decimal]],
) -> PlainCustomer:
    opening = _opening(events, adopted, known)
    statuses = [opening]
    for event in events:
        statuses.append(event.customer_status or statuses[-1])
    spells = _spells(opening, events)
    steps = _steps(opening, spells)
    return PlainCustomer(
        user,
        events,
        statuses[-1],
        totals[user][1],
        spells,
        _purchases(events, adopted),
        _exposures(events, statuses),
        **steps,
    )


def _opening(events: Sequence[AnyEvent], adopted: Mapping[UUID, str], known: str | None) -> str:
    """The status before the first event that gave one."""
    for event in events:
        if event.customer_status:
            if isinstance(event, ApprovalEvent):
                return adopted.get(event.interaction_id, "PROSPECT")
            break
    return known or "PROSPECT"


def _spells(opening: str, events: Sequence[AnyEvent]) -> tuple[PlainSpell, ...]:
    began = events[0].occurred_at if opening == "PROSPECT" else None
    begun: list[tuple[str, datetime | None]] = [(opening, began)]
    for event in events:
        if event.customer_status and event.customer_status != begun[-1][0]:
            begun.append((event.customer_status, event.occurred_at))
    closed = [PlainSpell(*spell, after[1], after[0]) for spell, after in pairwise(begun)]
    return (*closed, PlainSpell(*begun[-1], None, None))


def _steps(opening: str, spells: Sequence[PlainSpell]) -> dict[str, datetime | None]:
    """When it took the steps of the funnel for the first time, or was lost before."""
    found: dict[str, datetime | None] = dict.fromkeys(
        (
            "prospect_at",
            "qualified_at",
            "customer_at",
            "churned_at",
            "lost_as_prospect_at",
            "lost_as_lead_at",
        )
    )

    def first(name: str, at: datetime | None) -> None:
        found[name] = found[name] or at

    if opening == "PROSPECT":
        first("prospect_at", spells[0].began_at)
    for spell in spells:
        if spell.status in ("LEAD_QUALIFIED", "CUSTOMER") and opening == "PROSPECT":
            first("qualified_at", spell.began_at)
        if spell.status == "CUSTOMER" and opening in ("PROSPECT", "LEAD_QUALIFIED"):
            first("customer_at", spell.began_at)
        if spell.status in LOST and found["prospect_at"] and not found["qualified_at"]:
            first("lost_as_prospect_at", spell.began_at)
        if spell.status in LOST and found["qualified_at"] and not found["customer_at"]:
            first("lost_as_lead_at", spell.began_at)
        if spell.status == "CHURNED" and found["customer_at"]:
            first("churned_at", spell.began_at)
    return found


def _purchases(
    events: Sequence[AnyEvent], adopted: Mapping[UUID, str]
) -> tuple[PlainPurchase, ...]:
    statuses: dict[UUID, str] = {}
    purchases = []
    for event in events:
        if not isinstance(event, ApprovalEvent):
            continue
        key = event.interaction_id
        statuses[key] = event.customer_status or statuses.get(key) or adopted.get(key, "PROSPECT")
        if event.ltv_amount is not None and statuses[key] == "CUSTOMER":
            purchases.append(PlainPurchase(event.occurred_at, event.ltv_amount))
    return tuple(purchases)


def _exposures(events: Sequence[AnyEvent], statuses: Sequence[str]) -> tuple[PlainExposure, ...]:
    """`statuses` has one more: that before the first event."""
    conversions = [
        (place, events[place].occurred_at)
        for place, (before, after) in enumerate(pairwise(statuses))
        if after == "CUSTOMER" != before
    ]
    seen: set[tuple[str, str, str | None]] = set()

    def new(status: str, kind: str, value: str | None) -> bool:
        is_new = (status, kind, value) not in seen
        seen.add((status, kind, value))
        return is_new

    exposures = []
    for place, event in enumerate(events):
        status = statuses[place + 1]
        if not isinstance(event, ApprovalEvent) or status == "CUSTOMER":
            continue
        reviewer, cta = event.reviewer_id, cta_label(event.cta_data)
        exposures.append(
            PlainExposure(
                event,
                status,
                new(status, "any", None),
                frozenset(tag for tag in event.edit_tags if new(status, "tag", tag)),
                reviewer if new(status, "reviewer", reviewer) else None,
                cta if new(status, "cta", cta) else None,
                next((at for later, at in conversions if later > place), None),
            )
        )
    return tuple(exposures)
