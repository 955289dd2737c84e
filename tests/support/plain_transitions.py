"""Standings of customers, picks of rules and backtests in plain Python, without the SQL."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from plain_insight import PlainCustomer, day_of, plain_facts

from signoff_insight.transitions.rules import Rule, RuleSet, default_rules
from signoff_insight.transitions.standing import Standing
from signoff_schemas import CUSTOMER_STATUSES, AnyEvent, ApprovalEvent, StatusDecision


def cut(
    events: Iterable[AnyEvent], at: datetime, applied: Mapping[UUID, datetime] | None = None
) -> list[AnyEvent]:
    """The events that had occurred at an instant; with `applied`, of these the applied ones."""
    return [
        event
        for event in events
        if event.occurred_at <= at and (applied is None or applied[event.event_id] <= at)
    ]


def plain_standings(
    events: Iterable[AnyEvent],
    at: datetime,
    timezone: str = "UTC",
    applied: Mapping[UUID, datetime] | None = None,
) -> dict[str, Standing]:
    """The standings of all customers with an approval, by user_id."""
    customers = plain_facts(cut(events, at, applied)).values()
    return {each.user_id: _standing(each, timezone) for each in customers if each.approvals}


def _standing(customer: PlainCustomer, timezone: str) -> Standing:
    spent: dict[date, Decimal] = defaultdict(Decimal)
    for purchase in customer.purchases:
        spent[day_of(purchase.occurred_at, timezone)] += purchase.usd
    first = min(spent, default=None)
    last = customer.approvals[-1]
    return Standing(
        user_id=customer.user_id,
        customer_status=customer.status,  # type: ignore[arg-type]
        status_since=customer.spells[-1].began_at,
        last_approval_at=last.occurred_at,
        evidence_event=last.event_id,
        rests_on=customer.events[-1].event_id,
        last_event_at=customer.events[-1].occurred_at,
        approvals=len(customer.approvals),
        approvals_in_status=_since_status(customer),
        ctas=sum(bool(event.cta_data) for event in customer.approvals),
        purchase_days=len(spent),
        first_purchase_on=first,
        last_purchase_on=max(spent, default=None),
        spent_usd=sum(spent.values(), Decimal(0)),
        repeat_spent_usd=sum((usd for day, usd in spent.items() if day != first), Decimal(0)),
        ltv_usd=customer.ltv_usd,
        last_human_status_at=max(
            (event.occurred_at for event in customer.events if _is_of_person(event)), default=None
        ),
        is_whole=True,
    )


def _since_status(customer: PlainCustomer) -> int:
    """Approvals after the event that gave the status; all, where none changed it."""
    status, number = "PROSPECT", 0
    for event in customer.events:
        number += isinstance(event, ApprovalEvent)
        if event.customer_status and event.customer_status != status:
            status, number = event.customer_status, 0
    return number


def _is_of_person(event: AnyEvent) -> bool:
    if isinstance(event, StatusDecision):
        return event.decided_by.startswith("user:")
    return event.customer_status is not None


def meets(rule: Rule, standing: Standing, at: datetime) -> bool:
    """Whether a customer meets the thresholds of a rule, but for those on P(return)."""
    since = standing.status_since
    held: dict[str, int | Decimal] = {
        "silent_days": (at - standing.last_approval_at) // timedelta(days=1),
        "days_in_status": -1 if since is None else (at - since) // timedelta(days=1),
        "approvals": standing.approvals,
        "approvals_in_status": standing.approvals_in_status,
        "ctas": standing.ctas,
        "purchase_days": standing.purchase_days,
        "ltv_usd": standing.ltv_usd,
    }
    if standing.customer_status not in rule.from_statuses:
        return False
    for name, bound in rule.when.given.items():
        kind, _, what = name.partition("_")
        if what in held and (held[what] < bound if kind == "min" else held[what] > bound):
            return False
    return True


def plain_matches(
    rules: Sequence[Rule], standings: Iterable[Standing], at: datetime
) -> Iterator[tuple[Rule, Standing]]:
    """Whom the rules take, longest silent first."""
    for standing in sorted(standings, key=lambda one: (one.last_approval_at, one.user_id)):
        for rule in rules:
            if meets(rule, standing, at):
                yield rule, standing


BANDS = {"0": range(1), "1": range(1, 2), "2": range(2, 3), "3": range(3, 4), "4-6": range(4, 7)}


@dataclass(frozen=True)
class PlainBand:
    """Picked customers with about as many days with a purchase."""

    customers: int
    returned: int
    revenue: Decimal


@dataclass(frozen=True)
class PlainBacktest:
    """What a rule would have done, and what came of it."""

    customers: int
    """Those in its statuses who had been answered."""
    picked: tuple[str, ...]
    wrong: frozenset[str]
    would_be_right: int
    cost: Decimal
    bands: Mapping[str, PlainBand]


def plain_backtest(
    rule: Rule,
    events: Sequence[AnyEvent],
    standings: Mapping[str, Standing],
    at: datetime,
    until: datetime,
) -> PlainBacktest:
    """A backtest of a rule without thresholds on P(return).

    Args:
        rule: which one.
        events: all that ever came.
        standings: as of `at`.
        at: when the rule looks.
        until: by when a customer has to buy to have returned.
    """
    paid: dict[str, Decimal] = {}
    for user, customer in plain_facts(events).items():
        amounts = [p.usd for p in customer.purchases if at < p.occurred_at <= until]
        if amounts:
            paid[user] = sum(amounts, Decimal(0))
    asked = [one for one in standings.values() if one.customer_status in rule.from_statuses]
    picked = [standing for _, standing in plain_matches([rule], asked, at)]
    gives_up = rule.to_status in ("CHURNED", "LEAD_EXHAUSTED")
    wrong = [one for one in picked if (one.user_id in paid) is gives_up]
    return PlainBacktest(
        customers=len(asked),
        picked=tuple(one.user_id for one in picked),
        wrong=frozenset(one.user_id for one in wrong),
        would_be_right=sum((one.user_id in paid) is not gives_up for one in asked),
        cost=sum((paid.get(one.user_id, Decimal(0)) for one in wrong), Decimal(0)),
        bands={
            name: _plain_band([one for one in picked if _band(one) == name], paid)
            for name in {_band(one) for one in picked}
        },
    )


def _band(standing: Standing) -> str:
    days = standing.purchase_days
    return next((name for name, those in BANDS.items() if days in those), "7+")


def _plain_band(standings: Sequence[Standing], paid: Mapping[str, Decimal]) -> PlainBand:
    returned = [paid[one.user_id] for one in standings if one.user_id in paid]
    return PlainBand(len(standings), len(returned), sum(returned, Decimal(0)))


def everybody(when: Mapping[str, object] | None = None) -> RuleSet:
    """Rules, one for each status; without a threshold, they take all who were answered."""
    rules = [
        {
            "name": f"all-{number}",
            "version": 1,
            "from": [status],
            "to": "PROSPECT" if number else "CUSTOMER",
            "cap": 1,
            "hold_days": 0,
            "max_wrong": 1,
            "when": when or {"min_approvals_in_status": 0},
        }
        for number, status in enumerate(CUSTOMER_STATUSES)
    ]
    return default_rules().model_copy(update={"rules": tuple(map(Rule.model_validate, rules))})


def a_standing(**changes: Any) -> Standing:
    """A customer who bought once, and was silent for 214 days at the end of 2025."""
    event = UUID(int=1)
    last = datetime(2025, 5, 31, 19, tzinfo=UTC)
    held: dict[str, Any] = {
        "user_id": "ann",
        "customer_status": "CUSTOMER",
        "status_since": last,
        "last_approval_at": last,
        "evidence_event": event,
        "rests_on": event,
        "last_event_at": last,
        "approvals": 3,
        "approvals_in_status": 0,
        "ctas": 0,
        "purchase_days": 1,
        "first_purchase_on": last.date(),
        "last_purchase_on": last.date(),
        "spent_usd": Decimal("30.00"),
        "repeat_spent_usd": Decimal(0),
        "ltv_usd": Decimal("30.00"),
        "last_human_status_at": last,
        "is_whole": True,
    }
    return Standing(**(held | changes))
