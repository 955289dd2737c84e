"""What a rule would have done on a day in the past, and how wrong that would have been.

The rule looks at the customers at the end of a day, and knows only what was known then. What they
did in the weeks after it is read for one thing alone: to tell who returned.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.transitions.errors import BacktestError
from signoff_insight.transitions.evaluation import BANDS, FREQUENT, Tallies, Tally, evaluate
from signoff_insight.transitions.reading import Base, Instant, bases, end_of, latest_event
from signoff_insight.transitions.rules import Rule, RuleSet
from signoff_insight.transitions.scorers import estimate
from signoff_insight.transitions.standing import Basis
from signoff_schemas.wording import count

LEAST: Final = 30
"""So many customers are needed to judge a rule, or a band."""
MOST_OFF: Final = 0.05
"""How far a band's mean P(return) may be from the share that returned."""
_FREQUENT: Final = frozenset(name for name, (least, _) in BANDS.items() if least >= FREQUENT)
"""The bands of frequent buyers."""
_NEVER_BOUGHT: Final = "0"
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Band:
    """Picked customers with about as many days with a purchase."""

    name: str
    """How many, such as `4-6`."""
    customers: int
    returned: int
    """Those who bought within the weeks."""
    revenue_usd: Decimal
    """What these paid within the weeks."""
    predicted: float | None
    """The mean P(return) of those who have one; None if nobody has."""
    returned_share: float
    """The share that returned, of the same customers; of all if nobody has a P(return)."""
    difference: float | None
    """`predicted` less `returned_share`; None if nothing was predicted."""
    is_judged: bool
    """Whether it is large enough to say that the prediction is right or off."""

    @property
    def is_off(self) -> bool:
        """Whether the prediction was too far from what came."""
        return self.is_judged and self.difference is not None and abs(self.difference) > MOST_OFF


@dataclass(frozen=True, slots=True)
class Backtest:
    """What came out for one rule and one day."""

    rule: str
    version: int
    from_statuses: tuple[str, ...]
    to_status: str
    at: date
    """The day at whose end the rule looked."""
    basis: Basis
    weeks: int
    """Within so many a customer had to buy to have returned."""
    observed_until: date | None
    """The day of the latest event of the ledger."""
    customers: int
    """Those in the statuses of the rule who had been answered."""
    picked: int
    wrong: int
    """Picks who did what the rule did not expect: bought, or did not buy (`wrong_if`)."""
    wrong_if: str
    """`returned` or `not returned`."""
    precision: float | None
    """The share of the picks that was right; None without picks."""
    recall: float | None
    """The share of those picked for whom it would have been right; None without any."""
    cost_usd: Decimal
    """What wrong picks paid within the weeks."""
    cost_per_pick_usd: Decimal | None
    max_wrong: float
    """The share of picks that may be wrong."""
    bands: tuple[Band, ...]
    """Picks by days with a purchase; bands without picks are left out."""
    scorer: str
    why_no_prediction: str | None
    """Why the model could not be fitted; None if it could."""
    why_not: tuple[str, ...]
    """Why it did not pass; empty if it did."""
    notes: tuple[str, ...]
    """What a reader must know of the numbers."""

    @property
    def passed(self) -> bool:
        """Whether it allows automatic decisions."""
        return not self.why_not


def backtests(
    connection: Connection[TupleRow],
    rules: RuleSet,
    at: date,
    *,
    timezone: str,
    basis: Basis,
    weeks: int | None = None,
) -> Sequence[Backtest]:
    """Test each rule on a day in the past.

    Args:
        connection: inside of a transaction; a read-only one is enough.
        rules: of these.
        at: the rules look at the end of this day.
        timezone: whose days count.
        basis: which events they know.
        weeks: within so many a customer has to buy to have returned; None for those of the rules.

    Raises:
        BacktestError: the day lies after the latest event, or there is no event.
        ScorerError: the scorer is not there, or does not answer as it must.
    """
    within = rules.returned_within_weeks if weeks is None else weeks
    last = observed_until(connection, timezone)
    if last is None:
        raise BacktestError("the ledger has no approvals yet: there is no past to test rules on")
    if at > last:
        raise BacktestError(f"a backtest looks at the past: the latest approval is of {last}")
    instant = Instant.end_of(at, timezone, basis)
    until = end_of(at + timedelta(weeks=within), timezone)
    expectation = estimate(connection, rules.scorer, instant, within)
    found = evaluate(connection, rules, instant, until, expectation)
    all_customers = bases(connection, instant, until)
    asked = _Asked(
        at, basis, within, last, rules.scorer, expectation.why_not, is_empty=not all_customers
    )
    return [_judged(rule, found[rule.name], all_customers, asked) for rule in rules.rules]


def observed_until(connection: Connection[TupleRow], timezone: str) -> date | None:
    """The day of the latest approval; None without any."""
    latest = latest_event(connection)
    return latest and latest.astimezone(ZoneInfo(timezone)).date()


def latest_day(connection: Connection[TupleRow], timezone: str, weeks: int) -> date:
    """The last day after which so many weeks are observed.

    Raises:
        BacktestError: there is no event.
    """
    last = observed_until(connection, timezone)
    if last is None:
        raise BacktestError("the ledger has no approvals yet: there is no past to test rules on")
    return last - timedelta(weeks=weeks)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What all rules of a backtest have in common."""

    at: date
    basis: Basis
    weeks: int
    observed_until: date
    scorer: str
    why_no_prediction: str | None
    is_empty: bool
    """Whether no customer had been answered."""


def _judged(
    rule: Rule, tallies: Tallies, all_customers: Mapping[str, Base], asked: _Asked
) -> Backtest:
    of_rule = [held for status in rule.from_statuses if (held := all_customers.get(status))]
    customers, returned = sum(b.customers for b in of_rule), sum(b.returned for b in of_rule)
    counted = tallies.bands.values()
    picked, came_back = sum(t.customers for t in counted), sum(t.returned for t in counted)
    wrong = came_back if rule.gives_up else picked - came_back
    would_be_right = customers - returned if rule.gives_up else returned
    cost = sum((t.revenue_usd for t in counted), Decimal(0)) if rule.gives_up else Decimal(0)
    bands = tuple(_band(name, tallies.bands[name]) for name in BANDS if name in tallies.bands)
    return Backtest(
        rule=rule.name,
        version=rule.version,
        from_statuses=rule.from_statuses,
        to_status=rule.to_status,
        at=asked.at,
        basis=asked.basis,
        weeks=asked.weeks,
        observed_until=asked.observed_until,
        customers=customers,
        picked=picked,
        wrong=wrong,
        wrong_if="returned" if rule.gives_up else "not returned",
        precision=_share(picked - wrong, picked),
        recall=_share(picked - wrong, would_be_right),
        cost_usd=cost,
        cost_per_pick_usd=(cost / picked).quantize(_CENT) if picked else None,
        max_wrong=rule.max_wrong,
        bands=bands,
        scorer=asked.scorer,
        why_no_prediction=asked.why_no_prediction,
        why_not=tuple(_why_not(rule, picked, wrong, bands, asked)),
        notes=tuple(_notes(tallies, asked)),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _band(name: str, tally: Tally) -> Band:
    if not tally.predicted:
        share = tally.returned / tally.customers
        is_judged = tally.customers >= LEAST
        return Band(
            name, tally.customers, tally.returned, tally.revenue_usd, None, share, None, is_judged
        )
    predicted = tally.probabilities / tally.predicted
    share = tally.predicted_returned / tally.predicted
    return Band(
        name,
        tally.customers,
        tally.returned,
        tally.revenue_usd,
        predicted,
        share,
        predicted - share,
        tally.predicted >= LEAST,
    )


def _why_not(
    rule: Rule, picked: int, wrong: int, bands: Sequence[Band], asked: _Asked
) -> Iterator[str]:
    observed = (asked.observed_until - asked.at).days // 7
    if observed < asked.weeks:
        yield (
            f"of the {count(asked.weeks, 'week')} after {asked.at} only {observed} "
            f"{'is' if observed == 1 else 'are'} over: the latest approval is of "
            f"{asked.observed_until}"
        )
    if picked < LEAST:
        yield f"it picked {count(picked, 'customer')}; fewer than {LEAST} tell nothing"
    elif wrong / picked > rule.max_wrong:
        yield (
            f"{100 * wrong / picked:.1f} % of its picks turned out wrong; max_wrong allows "
            f"{100 * rule.max_wrong:g} %"
        )
    for band in bands:
        yield from _why_band(band, asked.why_no_prediction)


def _why_band(band: Band, why_no_prediction: str | None) -> Iterator[str]:
    who = f"customers with {band.name} days with a purchase"
    if band.name == "1":
        who = "customers who bought once"
    if band.is_off and band.predicted is not None and band.difference is not None:
        yield (
            f"of {who} {100 * band.predicted:.2f} % were expected to return, and "
            f"{100 * band.returned_share:.2f} % did: off by {100 * abs(band.difference):.2f} "
            f"percentage points, more than {100 * MOST_OFF:g}"
        )
    elif band.is_judged and band.predicted is None and band.name != _NEVER_BOUGHT:
        reason = f": {why_no_prediction}" if why_no_prediction else ""
        yield f"nothing was predicted of {band.customers:,} {who}{reason}"


def _notes(tallies: Tallies, asked: _Asked) -> Iterator[str]:
    if asked.is_empty:
        late = (
            "been applied by the end of that day. If the history was imported later, look at what "
            "had occurred by then: --by occurred"
        )
        yield f"No approval had {late if asked.basis is Basis.APPLIED else 'occurred by then'}."
    elif asked.why_no_prediction:
        yield f"There is no P(return). {asked.why_no_prediction}"
    frequent = [tally for name, tally in tallies.bands.items() if name in _FREQUENT]
    customers = sum(tally.predicted for tally in frequent)
    if not customers:
        return
    predicted = sum(tally.probabilities for tally in frequent) / customers
    returned = sum(tally.predicted_returned for tally in frequent) / customers
    if returned - predicted > MOST_OFF:
        yield (
            f"Of {count(customers, 'pick')} with {FREQUENT} or more days with a purchase "
            f"{100 * returned:.1f} % returned, not {100 * predicted:.1f} % as expected. That is "
            "the known weakness of the model: it gives up frequent buyers who are silent for long "
            "too soon. Leave them to people, or to a rule of their own with more silence."
        )
