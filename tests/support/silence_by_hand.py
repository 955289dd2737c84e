"""What a rule on silence finds among the purchases of the CDNOW sample, by plain loops.

Written from the definitions in docs/transitions.md, without SQL, numpy or any code of Signoff that
decides. Each event here is a purchase, so each customer is CUSTOMER, and the last purchase is the
last approval. A day ends at midnight UTC.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from math import exp, lgamma, log

from cdnow import cdnow_events

from signoff_schemas import ApprovalEvent

BANDS = {"1": (1, 1), "2": (2, 2), "3": (3, 3), "4-6": (4, 6), "7+": (7, 10**9)}
"""Days with a purchase, both ends within."""

History = tuple[int, int, int]
"""Days with a purchase after the first; days from the first to the last, and to the end."""
Parameters = Sequence[float]
"""r, alpha (weeks), a, b of MBG/NBD."""
Corner = tuple[float, list[float]]
"""The value of a function, and where it has it."""


@dataclass(frozen=True)
class Band:
    """Customers with as many days with a purchase."""

    customers: int
    predicted: float
    """The mean of what the model says of their return."""
    returned: int


@dataclass(frozen=True)
class Backtest:
    """What calling the silent ones churned would have meant."""

    customers: int
    picked: tuple[str, ...]
    """The longest silent first."""
    wrong: frozenset[str]
    """Of these, those who bought within the weeks after."""
    precision: float
    recall: float
    cost: Decimal
    """What the wrong ones spent within the weeks."""
    of_all: dict[str, Band]
    of_picked: dict[str, Band]


@cache
def purchases() -> dict[str, tuple[ApprovalEvent, ...]]:
    """The purchases of each customer, in order of occurrence."""
    found = defaultdict(list)
    for event in sorted(cdnow_events(), key=lambda event: (event.occurred_at, event.event_id)):
        if event.ltv_amount is not None:
            assert event.customer_status == "CUSTOMER"
            found[str(event.user_id)].append(event)
    return {user: tuple(events) for user, events in found.items()}


def in_order() -> list[ApprovalEvent]:
    """All purchases, in order of occurrence."""
    events = [event for of in purchases().values() for event in of]
    return sorted(events, key=lambda event: (event.occurred_at, event.event_id))


def end_of(day: date) -> datetime:
    """When a day is over."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


@cache
def by_the_end_of(day: date) -> dict[str, tuple[ApprovalEvent, ...]]:
    """The purchases until then, of those who had bought."""
    known = {
        user: tuple(event for event in events if event.occurred_at < end_of(day))
        for user, events in purchases().items()
    }
    return {user: events for user, events in known.items() if events}


def in_the_weeks_after(day: date, weeks: int, user: str) -> list[Decimal]:
    """What a customer paid in the weeks after a day."""
    until = end_of(day + timedelta(weeks=weeks))
    return [
        event.ltv_amount
        for event in purchases()[user]
        if event.ltv_amount is not None and end_of(day) <= event.occurred_at < until
    ]


def days_of(events: Sequence[ApprovalEvent]) -> list[date]:
    """The days with a purchase."""
    return sorted({event.occurred_at.date() for event in events})


def band_of(days: int) -> str:
    """The band of so many days with a purchase."""
    return next(name for name, (low, high) in BANDS.items() if low <= days <= high)


def silent_days(day: date, events: Sequence[ApprovalEvent]) -> int:
    """Whole days of silence at the end of a day."""
    return (end_of(day) - events[-1].occurred_at).days


def silent(day: date, least: int) -> list[str]:
    """Who had been silent for so many days at the end of a day: the longest silent first."""
    known = by_the_end_of(day)
    found = [user for user, events in known.items() if silent_days(day, events) >= least]
    return sorted(found, key=lambda user: (known[user][-1].occurred_at, user))


def similar(day: date, least: int, weeks: int) -> dict[str, tuple[int, int]]:
    """By band: how many were as silent so many weeks before, and how many of them came back."""
    before = day - timedelta(weeks=weeks)
    known, customers, returned = by_the_end_of(before), Counter[str](), Counter[str]()
    for user in silent(before, least):
        band = band_of(len(days_of(known[user])))
        customers[band] += 1
        returned[band] += bool(in_the_weeks_after(before, weeks, user))
    return {band: (customers[band], returned[band]) for band in BANDS}


@cache
def backtest(day: date, least: int, weeks: int) -> Backtest:
    """What the rule would have picked at the end of a day, and what came in the weeks after."""
    known = by_the_end_of(day)
    picked = silent(day, least)
    paid = {user: in_the_weeks_after(day, weeks, user) for user in known}
    wrong = frozenset(user for user in picked if paid[user])
    lost = sum(1 for user in known if not paid[user])
    right = len(picked) - len(wrong)
    expected = returns(day, weeks)

    def bands(users: Sequence[str]) -> dict[str, Band]:
        within = defaultdict(list)
        for user in users:
            within[band_of(len(days_of(known[user])))].append(user)
        return {
            name: Band(
                len(of),
                sum(expected[user] for user in of) / len(of),
                sum(1 for user in of if paid[user]),
            )
            for name, of in within.items()
        }

    return Backtest(
        customers=len(known),
        picked=tuple(picked),
        wrong=wrong,
        precision=right / len(picked),
        recall=right / lost,
        cost=sum((sum(paid[user], Decimal(0)) for user in wrong), Decimal(0)),
        of_all=bands(list(known)),
        of_picked=bands(picked),
    )


@cache
def histories(day: date) -> dict[str, History]:
    """Each customer's purchases by the end of a day, as the model sees them."""
    found = {}
    for user, events in by_the_end_of(day).items():
        days = days_of(events)
        found[user] = (len(days) - 1, (days[-1] - days[0]).days, (day - days[0]).days)
    return found


def returns(day: date, weeks: int) -> dict[str, float]:
    """How likely MBG/NBD holds each customer's return within the weeks after a day."""
    r, alpha, a, b = fitted(day)

    def likely(history: History) -> float:
        x, t_x, age = history[0], history[1] / 7, history[2] / 7
        odds_left = a / (b + x) * math.pow((alpha + age) / (alpha + t_x), r + x)
        buys = 1 - math.pow((alpha + age) / (alpha + age + weeks), r + x)
        return buys / (1 + odds_left)

    return {user: likely(history) for user, history in histories(day).items()}


@cache
def fitted(day: date) -> tuple[float, ...]:
    """The most likely parameters, given what was bought by the end of a day."""
    counts = Counter(histories(day).values())

    def badness(logs: Parameters) -> float:
        if max(map(abs, logs)) > 10:
            return float("inf")
        parameters = [exp(value) for value in logs]
        return -sum(many * likelihood(history, parameters) for history, many in counts.items())

    return tuple(exp(value) for value in lowest(badness, [0.0, 2.0, 0.0, 0.0]))


def likelihood(history: History, parameters: Parameters) -> float:
    """The logarithm of how likely a history is (Batislam et al. 2007, equation 4)."""
    r, alpha, a, b = parameters
    x, t_x, age = history[0], history[1] / 7, history[2] / 7
    buying = lgamma(r + x) - lgamma(r) + r * log(alpha) - (r + x) * log(alpha + age)
    staying = lgamma(b + x + 1) + lgamma(a + b) - lgamma(a + b + x + 1) - lgamma(b)
    return buying + staying + log(1 + a / (b + x) * math.pow((alpha + age) / (alpha + t_x), r + x))


def lowest(of: Callable[[list[float]], float], start: list[float]) -> list[float]:
    """Where a function is lowest, by the method of Nelder and Mead."""
    size = len(start)
    corners = [start] + [
        [value + (place == moved) for place, value in enumerate(start)] for moved in range(size)
    ]
    found = sorted((of(corner), corner) for corner in corners)
    while found[-1][0] - found[0][0] > 1e-7:
        worst, rest = found[-1], found[:-1]
        middle = [sum(corner[at] for _, corner in rest) / size for at in range(size)]

        def along(by: float, middle: list[float] = middle, worst: list[float] = worst[1]) -> Corner:
            place = [m + by * (w - m) for m, w in zip(middle, worst, strict=True)]
            return of(place), place

        new = along(-1)
        if new[0] < found[0][0]:
            new = min(new, along(-2))
        elif new[0] >= rest[-1][0]:
            new = along(0.5) if new[0] >= worst[0] else min(new, along(-0.5))
        if new[0] < worst[0]:
            found = sorted([*rest, new])
            continue
        best = found[0][1]
        nearer = [[(b + c) / 2 for b, c in zip(best, corner, strict=True)] for _, corner in found]
        found = sorted((of(corner), corner) for corner in nearer)
    return found[0][1]
