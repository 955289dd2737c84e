"""Whom rules would have picked at an instant in the past, and what became of these customers."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.transitions.reading import Instant, Match, matches
from signoff_insight.transitions.rules import Rule, RuleSet
from signoff_insight.transitions.scorers import BUILT_IN, Estimate, Expected

BANDS: Final[Mapping[str, tuple[int, int | None]]] = {
    "0": (0, 0),
    "1": (1, 1),
    "2": (2, 2),
    "3": (3, 3),
    "4-6": (4, 6),
    "7+": (7, None),
}
"""Days with a purchase, both ends within, by the name of the band."""
FREQUENT: Final = 3
"""From so many days with a purchase on, customers are frequent buyers.

Of those who are silent for long, the built-in model expects too little: its known weakness.
"""
_TOGETHER: Final = 5_000
"""Customers that a scorer is given together."""


def expects_too_little(purchase_days: int, *, gives_up: bool, has_revenue: bool) -> bool:
    """Whether P(return) is too low: that of the built-in model for frequent buyers.

    Args:
        purchase_days: of the customer.
        gives_up: whether the rule gives it up, so that it was silent for long.
        has_revenue: whether revenue was estimated too; a team's own scorer tells none.
    """
    return gives_up and has_revenue and purchase_days >= FREQUENT


def band_of(purchase_days: int) -> str:
    """The band of customers with so many days with a purchase."""
    for name, (low, high) in BANDS.items():
        if low <= purchase_days and (high is None or purchase_days <= high):
            return name
    raise AssertionError


@dataclass(slots=True)
class Tally:
    """Picked customers of one band."""

    customers: int = 0
    returned: int = 0
    revenue_usd: Decimal = Decimal(0)
    """What those who returned paid."""
    predicted: int = 0
    """Customers with a P(return)."""
    predicted_returned: int = 0
    """Those of them who returned."""
    probabilities: float = 0.0
    """The sum of their P(return)."""

    def add(self, match: Match, expected: Expected) -> None:
        """Count a customer."""
        returned = match.revenue_usd is not None
        self.customers += 1
        self.returned += returned
        self.revenue_usd += match.revenue_usd or 0
        if expected.return_probability is not None:
            self.predicted += 1
            self.predicted_returned += returned
            self.probabilities += expected.return_probability


@dataclass(slots=True)
class Tallies:
    """Picked customers of a rule, by band."""

    bands: dict[str, Tally] = field(default_factory=dict)

    def add(self, match: Match, expected: Expected) -> None:
        """Count a customer."""
        band = band_of(match.standing.purchase_days)
        self.bands.setdefault(band, Tally()).add(match, expected)


def evaluate(
    connection: Connection[TupleRow],
    rules: RuleSet,
    instant: Instant,
    until: datetime,
    expectation: Estimate,
) -> Mapping[str, Tallies]:
    """Whom each rule picks, by its name, and who of them bought after the instant until `until`.

    Args:
        connection: inside of a transaction.
        rules: of these.
        instant: when, and with which events.
        until: the end of the time in which they may return.
        expectation: as of that instant.

    Raises:
        ScorerError: a scorer does not answer as it must.
    """
    found = {rule.name: Tallies() for rule in rules.rules}
    # The built-in scorer asks for purchases alone.
    is_whole = rules.scorer != BUILT_IN
    taken = matches(connection, rules, instant, until=until, is_whole=is_whole)
    for match, expected in scored(taken, expectation):
        found[match.rule.name].add(match, expected)
    return found


def scored(found: Iterable[Match], expectation: Estimate) -> Iterator[tuple[Match, Expected]]:
    """Those who meet also the thresholds on P(return), with what is expected of them."""
    rest = iter(found)
    while some := list(islice(rest, _TOGETHER)):
        all_expected = expectation.of([match.standing for match in some])
        for match, expected in zip(some, all_expected, strict=True):
            if _is_met(match.rule, expected.return_probability):
                yield match, expected


def _is_met(rule: Rule, probability: float | None) -> bool:
    when = rule.when
    if not when.asks_scorer:
        return True
    if probability is None:
        return False
    low, high = when.min_return_probability, when.max_return_probability
    return (low is None or probability >= low) and (high is None or probability <= high)
