"""The facts of one customer, computed event by event in order of occurrence.

This is the only definition of the facts. A fold takes all events of a customer; or it goes on from
the facts that are kept, and takes the events that are newer.

Instants and days are texts (see `rows.py`). They are kept and compared; little is computed with
them, and to make Python's values of them would take longer than all the rest.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from signoff_insight.facts.rows import Exposure, Facts, Purchases, Spell, to_row
from signoff_schemas import EDIT_TAGS

_DAY: Final = timedelta(hours=24)
_CONVERTED_AFTER: Final = Exposure._fields.index("converted_after")
_BITS: Final = {tag: 1 << place for place, tag in enumerate(EDIT_TAGS)}


class Event(NamedTuple):
    """An approval of a customer, or a status decision that is not void."""

    user_id: str | int
    """The customer, or its place among those that were asked for."""
    occurred_at: str
    day: str
    """The day on which it occurred, in the time zone of the facts."""
    customer_status: str | None
    """The status that it gave."""
    interaction_id: str | None
    """None: it is a decision, which shows the customer nothing."""
    reviewer_id: str | None
    edit_tags: str | None
    """As Postgres writes an array of texts."""
    cta: str | None
    """The label of its CTA, see the SQL function `signoff_cta_label`."""
    opening_status: str | None
    """The status of its interaction before its first event, if another system kept it."""
    ltv_amount: Decimal | None


class _Seen:
    """What a customer was shown in one status."""

    __slots__ = ("ctas", "reviewers", "tags")

    def __init__(self) -> None:
        self.tags = 0
        self.reviewers: set[str | None] = set()
        self.ctas: set[str | None] = set()


class Fold:
    """The facts of a customer after some of its events.

    Of other tables than customer_facts it has the rows that its events added or changed.
    """

    def __init__(self, facts: Facts, status: str) -> None:
        """After the events that `facts` hold, which all are approvals.

        Args:
            facts: the events that follow change them.
            status: that of the customer after those events.
        """
        self.facts = facts
        self.status = status
        self.converted_at: str | None = None
        """When it first became CUSTOMER: what was shown before these events converted then."""
        self._entered_as: str | None = None
        self._place = facts.approvals
        self._spells: list[Spell] = []
        self._moves: dict[tuple[str, str | None], str | None] = {}
        self._of_interactions: dict[str, str] = {}
        self._exposures: list[Exposure] = []
        self._converted = 0
        self._recalled: Iterable[Exposure] = ()
        self._seen: dict[str, _Seen] = {}
        self._bought: dict[str, tuple[int, Decimal]] = {}
        self._bought_before: Purchases | None = None
        self._last_age: int | None = None
        if facts.first_purchase_on and facts.last_purchase_on:
            self._last_age = whole_months(facts.first_purchase_on, facts.last_purchase_on)

    def enter(self, *, began_before: bool) -> None:
        """Begin with the first event.

        A customer with events in detached partitions did not begin with the first event that is
        left: it enters no step.
        """
        if not began_before:
            self._entered_as = self.status
            if self.status == "PROSPECT":
                self.facts.prospect_at = self.facts.first_event_at
        self._spells = [Spell(0, self.status, self.facts.prospect_at, None, None, None, 0)]

    def recall_spells(self, spells: Sequence[Spell]) -> None:
        """All spells before: it must know them if the customer moves."""
        self._entered_as = spells[0].customer_status
        self._spells = [spells[-1]]
        self._moves = {(s.customer_status, s.next_status): s.ended_at for s in spells}

    def recall_exposures(self, exposures: Iterable[Exposure]) -> None:
        """All exposures before: it must know them if the customer is shown more."""
        self._recalled = exposures

    def recall_day(self, bought: Purchases) -> None:
        """The purchases of the last day before; it must know them if another one is of that day."""
        self._bought_before = bought
        self._bought[bought.purchased_on] = bought.purchases, bought.spent_usd

    @property
    def spells(self) -> Sequence[Spell]:
        """Those that did not end before it began; none if it recalled none."""
        # The first approval may have come after some of them began.
        if tags := self.facts.first_tags:
            return [to_row(Spell, (*spell[:-1], tags)) for spell in self._spells]
        return self._spells

    @property
    def exposures(self) -> Sequence[Exposure]:
        """Those of its events, in order."""
        return self._exposures

    @property
    def purchases(self) -> Sequence[Purchases]:
        """Those of the days on which the customer bought."""
        if not self._bought:
            return ()
        rows = []
        before, last_age, first = self._bought_before, self._last_age, self.facts.first_purchase_on
        for day, (purchases, usd) in sorted(self._bought.items()):
            age = whole_months(first or day, day)
            if before and day == before.purchased_on:
                rows.append(before._replace(purchases=purchases, spent_usd=usd))
            else:
                month = _month(first or day)
                values = (day, month, age, age != last_age, purchases, usd)
                rows.append(to_row(Purchases, values))
            last_age = age
        return rows

    def add(self, event: Event) -> None:
        """The next event."""
        _, at, day, given, interaction, reviewer, tags, cta, opening, usd = event
        facts = self.facts
        facts.last_event_at = at
        self._place += 1
        if given is not None:
            if facts.first_status_at is None:
                facts.first_status_at = at
            if given != self.status:
                self._move(given, at)
        if interaction is None:
            return
        facts.approvals += 1
        if facts.first_approval_at is None:
            facts.first_approval_at = at
            facts.first_reviewer_id, facts.first_tags, facts.first_cta = reviewer, _bits(tags), cta
        if given is not None:
            self._of_interactions[interaction] = given
        if (
            usd is not None
            and self._of_interactions.get(interaction, opening or "PROSPECT") == "CUSTOMER"
        ):
            self._buy(day, usd)
        if self.status != "CUSTOMER":
            self._show(at, day, reviewer, _bits(tags), cta)

    def _move(self, status: str, at: str) -> None:
        """Go to another status."""
        place, before, began_at, *_ = self._spells[-1]
        same_before = self._moves.get((before, status))
        ended = (place, before, began_at, at, status, same_before, 0)
        begun = (place + 1, status, at, None, None, None, 0)
        self._spells[-1:] = to_row(Spell, ended), to_row(Spell, begun)
        self._moves[before, status] = at
        self.status = status
        self._step(status, at)
        if status == "CUSTOMER":
            self._convert(at)

    def _convert(self, at: str) -> None:
        """A conversion follows what was shown."""
        self.converted_at = self.converted_at or at
        if unconverted := self._exposures[self._converted :]:
            self._exposures[self._converted :] = _converted(unconverted, at)
            self._converted = len(self._exposures)

    def _step(self, status: str, at: str) -> None:
        """Note a step of the funnel, or that the customer was lost before the next one."""
        facts = self.facts
        if status in ("LEAD_QUALIFIED", "CUSTOMER"):
            if facts.prospect_at:
                facts.qualified_at = facts.qualified_at or at
            # What a customer did before its first event is not known: its first step is not here.
            if status == "CUSTOMER" and self._entered_as in ("PROSPECT", "LEAD_QUALIFIED"):
                facts.customer_at = facts.customer_at or at
        elif status != "PROSPECT":
            if facts.prospect_at and not facts.qualified_at:
                facts.lost_as_prospect_at = facts.lost_as_prospect_at or at
            if facts.qualified_at and not facts.customer_at:
                facts.lost_as_lead_at = facts.lost_as_lead_at or at
            if status == "CHURNED" and facts.customer_at:
                facts.churned_at = facts.churned_at or at

    def _buy(self, day: str, usd: Decimal) -> None:
        facts = self.facts
        facts.purchases += 1
        facts.spent_usd += usd
        if bought := self._bought.get(day):
            self._bought[day] = bought[0] + 1, bought[1] + usd
            return
        self._bought[day] = 1, usd
        facts.purchase_days += 1
        # The clocks of some time zones went back over midnight, to the day before.
        facts.first_purchase_on = min(facts.first_purchase_on or day, day)
        facts.last_purchase_on = max(facts.last_purchase_on or day, day)

    def _show(self, at: str, day: str, reviewer: str | None, tags: int, cta: str | None) -> None:
        """Note what an approval showed that the customer had not seen in this status."""
        if self._recalled:
            self._recall_shown()
        status = self.status
        seen = self._seen.get(status)
        is_first = seen is None
        if seen is None:
            seen = self._seen[status] = _Seen()
        new = tags & ~seen.tags
        seen.tags |= tags
        if reviewer in seen.reviewers:
            reviewer = None
        else:
            seen.reviewers.add(reviewer)
        if cta in seen.ctas:
            cta = None
        else:
            seen.ctas.add(cta)
        if is_first or new or reviewer is not None or cta is not None:
            first_tags = self.facts.first_tags
            values = (
                self._place,
                at,
                _month(day),
                new,
                status,
                is_first,
                None,
                reviewer,
                cta,
                first_tags,
            )
            self._exposures.append(to_row(Exposure, values))

    def _recall_shown(self) -> None:
        """What the customer had seen; who stays CUSTOMER need not be asked."""
        for seen in self._recalled:
            known = self._seen.setdefault(seen.customer_status, _Seen())
            known.tags |= seen.tags
            known.reviewers.add(seen.reviewer_id)
            known.ctas.add(seen.cta)
        self._recalled = ()


def opening_of(events: Iterable[Event]) -> str | None:
    """The status before these events, if one that gave a status tells."""
    return next((event.opening_status for event in events if event.customer_status), None)


def fold(events: Sequence[Event], opening: str, *, began_before: bool) -> Fold:
    """The facts after all events of a customer, in order.

    Args:
        events: one or more.
        opening: the status before them: that of `opening_of`, else that of the customer's newest
            interaction.
        began_before: the ledger does not hold its first event any more.
    """
    began_at = events[0].occurred_at
    found = Fold(Facts(began_at, began_at), opening)
    found.enter(began_before=began_before)
    for event in events:
        found.add(event)
    return found


def whole_months(first: str, last: str) -> int:
    """Whole months from one day to a later one."""
    months = (int(last[:4]) - int(first[:4])) * 12 + int(last[5:7]) - int(first[5:7])
    return months - (last[8:] < first[8:])


def _month(day: str) -> str:
    """The first day of the month of a day."""
    return f"{day[:8]}01"


def _converted(exposures: Iterable[Exposure], at: str) -> Iterator[Exposure]:
    """The same exposures, which a conversion followed; its days are rounded up."""
    end = datetime.fromisoformat(at)
    for seen in exposures:
        days = -((datetime.fromisoformat(seen.exposed_at) - end) // _DAY)
        yield to_row(Exposure, (*seen[:_CONVERTED_AFTER], days, *seen[_CONVERTED_AFTER + 1 :]))


@lru_cache(maxsize=4096)
def _bits(tags: str | None) -> int:
    """The bits of an array of edit tags, as Postgres writes it."""
    return sum(_BITS.get(tag, 0) for tag in {*tags[1:-1].split(",")}) if tags else 0
