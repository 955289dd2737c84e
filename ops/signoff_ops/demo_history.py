"""The history that `signoff demo` shows charts of: eighteen months of invented customers.

It is made by a model of our own, and is the same for the same day. A customer begins as a prospect;
most are qualified after some days, and some of these buy. Buyers buy at rates of their own and stop
at some time; mostly a reviewer notes that. A few come back. In the last months there is a new call
to action; leads who see it buy more often, so the charts have something to find. In the last weeks
some who were lost write again. Those, and those who fell silent without a note, are what rules on
transitions have to find.
"""

import random
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from signoff_insight.report import add_months
from signoff_schemas import ApprovalEvent, CustomerStatus, EditTag

DAYS: Final = 548
"""About eighteen months."""
NEW_CTA: Final = "free_trial"
NEW_CTA_DAYS: Final = 150
"""So many days before the end, reviewers began to use it."""
_SEED: Final = 4
_CUSTOMERS: Final = 600
GREETER: Final = "ana"
"""The reviewer of each customer's first reply: with this filter, charts show these customers alone.
"""
_REVIEWERS: Final = (GREETER, "ben", "chloe", "dilan", "emma")
_TAGS: Final[tuple[EditTag, ...]] = (
    "TONE_CASUAL",
    "STRUCT_SHORTEN",
    "CONTENT_QUESTION",
    "CONTENT_REWRITE",
    "CONTENT_EMOJI_ADD",
    "TONE_LESS_IA",
)
_USUAL_CTAS: Final = ("phone_call", "brochure")
_CTA_TAGS: Final[tuple[EditTag, ...]] = ("CTA_SOFT", "CTA_MEDIUM", "CTA_DIRECT")
_OPENINGS: Final = ("Good morning!", "Thanks for writing.", "Glad you asked.", "Of course!")
_ENDINGS: Final = (
    "What do you think?",
    "Here is the link.",
    "Shall we talk tomorrow?",
    "Up to you.",
)

_QUALIFIED: Final = 0.78
_BUYS: Final = 0.38
_BUYS_WITH_NEW_CTA: Final = 0.75
_SHOWN_NEW_CTA: Final = 0.6
_CALLED_CHURNED: Final = 0.2
_CHURN_NOTED: Final = 0.8
_COMES_BACK: Final = 0.12
_WRITES_AGAIN: Final = 0.12
"""Chances of a customer's steps."""
_LONG_LOST: Final = 120
"""Days after which somebody who was lost may write again, in the last weeks."""
_USUAL_REVIEWER: Final = 0.8


def history(until: date) -> list[ApprovalEvent]:
    """All approvals before this day, in order of occurrence: about 5,000 of 600 customers."""
    chance = random.Random(_SEED)
    end = datetime.combine(until, time(), UTC)
    events: list[ApprovalEvent] = []
    for number in range(_CUSTOMERS):
        customer = _Customer(chance, f"client-{number + 1:04}", end)
        customer.live()
        events += customer.events
    return sorted(events, key=lambda event: (event.occurred_at, event.event_id))


def months_before(day: date, months: int) -> date:
    """The first day of the month so many months before that of a day."""
    return add_months(day, -months)


class _Customer:
    """One customer, and the approvals until the end."""

    def __init__(self, chance: random.Random, name: str, end: datetime) -> None:
        self.events: list[ApprovalEvent] = []
        self._chance = chance
        self._name = name
        self._end = end
        self._reviewer = chance.choice(_REVIEWERS)
        self._now = end - timedelta(days=DAYS * chance.random() ** 1.15)
        """Somewhat more customers come each month."""

    def live(self) -> None:
        """From the first reply on."""
        self._reply("PROSPECT")
        self._talk(replies=2, days=2)
        if self._chance.random() > _QUALIFIED:
            self._leave("LEAD_EXHAUSTED", among=0.75)
            return
        self._wait(mean=3)
        offer = self._offer()
        self._reply("LEAD_QUALIFIED", cta=offer)
        self._talk(replies=3, days=4, cta=offer)
        if self._chance.random() > (_BUYS_WITH_NEW_CTA if offer == NEW_CTA else _BUYS):
            is_churned = self._chance.random() < _CALLED_CHURNED
            self._leave("CHURNED" if is_churned else "LEAD_EXHAUSTED", among=0.6)
            return
        self._wait(mean=4)
        self._buy()

    def _buy(self) -> None:
        """Buy, at a rate and for amounts of this customer's own; after each, perhaps stop."""
        days = 5 + self._chance.lognormvariate(3.4, 0.6)
        usual = self._chance.gammavariate(4, 12)
        stops = self._chance.betavariate(1.2, 4.2)
        while self._now < self._end:
            amount = Decimal(max(500, round(usual * self._chance.uniform(60, 150)))) / 100
            self._reply("CUSTOMER", amount)
            self._talk(replies=1, days=3)
            if self._chance.random() < stops:
                self._stop(usual)
                return
            self._wait(mean=days)

    def _stop(self, usual: float) -> None:
        """Buy no more; when that is noticed, a reviewer says so. A few come back once."""
        if self._chance.random() > _CHURN_NOTED:
            self._chance = self._own_chance()
            if self._chance.random() < _COMES_BACK:
                self._now += timedelta(days=self._chance.uniform(150, 330))
                self._reply("CUSTOMER", Decimal(round(usual * 100)) / 100)
            return
        self._now += timedelta(days=self._chance.uniform(60, 120))
        self._reply("CHURNED")
        if self._chance.random() < _COMES_BACK:
            self._wait(mean=30)
            self._reply("CUSTOMER", Decimal(round(usual * 100)) / 100)
        else:
            self._write_again()

    def _write_again(self) -> None:
        """Of those who were lost long ago, some write again in the last weeks."""
        if self._now > self._end - timedelta(days=_LONG_LOST):
            return
        self._chance = self._own_chance()
        if self._chance.random() < _WRITES_AGAIN:
            self._now = self._end - timedelta(days=self._chance.uniform(8, 20))
            for _ in range(self._chance.randint(2, 3)):
                self._reply()
                self._now += timedelta(days=self._chance.uniform(1, 3))

    def _leave(self, status: CustomerStatus, *, among: float) -> None:
        """Stop answering; for a part of the customers a reviewer says so, weeks later."""
        if self._chance.random() < among:
            self._now += timedelta(days=self._chance.uniform(21, 60))
            self._reply(status)
            self._write_again()

    def _talk(self, *, replies: int, days: float, cta: str | None = None) -> None:
        """At most so many replies without a status."""
        for _ in range(self._chance.randint(1, replies)):
            self._wait(mean=days)
            self._reply(cta=cta)

    def _offer(self) -> str | None:
        """The call to action for a lead, if any."""
        is_known = self._now > self._end - timedelta(days=NEW_CTA_DAYS)
        if is_known and self._chance.random() < _SHOWN_NEW_CTA:
            return NEW_CTA
        return self._chance.choice((*_USUAL_CTAS, None))

    def _wait(self, *, mean: float) -> None:
        self._now += timedelta(days=self._chance.expovariate(1 / mean))

    def _reply(
        self,
        status: CustomerStatus | None = None,
        amount: Decimal | None = None,
        cta: str | None = None,
    ) -> None:
        """One approval; after the first by who usually answers this customer, or by another one."""
        chance = self._chance
        reviewer = (
            self._reviewer if chance.random() < _USUAL_REVIEWER else chance.choice(_REVIEWERS)
        )
        tags = chance.sample(_TAGS, chance.randint(0, 2)) + [chance.choice(_CTA_TAGS)] * bool(cta)
        bubbles = (chance.choice(_OPENINGS), chance.choice(_ENDINGS))
        score = chance.choice((3, 4, 4, 5, 5))
        if self._now >= self._end:
            return
        event = ApprovalEvent(
            event_id=self._identifier(f"event {len(self.events)}"),
            occurred_at=self._now,
            interaction_id=self._identifier(f"interaction {len(self.events)}"),
            user_id=self._name,
            reviewer_id=reviewer if self.events else GREETER,
            final_bubbles=bubbles,
            edit_tags=tuple(tags),
            quality_score=score,
            cta_data={"type": cta} if cta else None,
            customer_status=status,
            ltv_amount=amount,
        )
        self.events.append(event)

    def _own_chance(self) -> random.Random:
        """For what comes after a customer stopped: it changes nothing of the others."""
        return random.Random(f"{_SEED} {self._name}")

    def _identifier(self, what: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"signoff-demo:{self._end:%Y-%m-%d}:{self._name}:{what}")
