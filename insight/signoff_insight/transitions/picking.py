"""Whom the rules pick, and what is expected of these customers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.transitions.evaluation import Tallies, band_of, evaluate, scored
from signoff_insight.transitions.reading import Instant, matches
from signoff_insight.transitions.rules import Rule, RuleSet
from signoff_insight.transitions.scorers import estimate
from signoff_insight.transitions.standing import Basis, Standing


@dataclass(frozen=True, slots=True)
class Similar:
    """What became of customers like this one.

    Those whom the same rule would have picked some weeks before, with about as many days with a
    purchase.
    """

    customers: int
    returned: int
    """How many of them bought within these weeks."""
    weeks: int


@dataclass(frozen=True, slots=True)
class Pick:
    """A customer that a rule picks."""

    rule: Rule
    standing: Standing
    return_probability: float | None
    """P(buys within `returned_within_weeks`); None where the scorer gives none."""
    expected_revenue: Decimal | None
    """USD within these weeks; None where the model does not tell."""
    similar: Similar | None
    """None where there was nobody like it."""


def picks(
    connection: Connection[TupleRow], rules: RuleSet, at: datetime, timezone: str
) -> Iterator[Pick]:
    """The customers that the rules pick at an instant: longest silent first, then by user_id.

    A customer that meets several rules is picked by each of them. Customers with an event after
    `at` that counts are left out, as those who never were answered.

    Args:
        connection: inside of a transaction, which the caller holds until the last one is read. The
            customer facts in it are up to date.
        rules: of these.
        at: the instant; not in the future.
        timezone: whose days with a purchase count; that of the facts.

    Raises:
        ScorerError: the scorer is not there, or does not answer as it must.
    """
    instant = Instant(at, timezone, Basis.OCCURRED)
    weeks = rules.returned_within_weeks
    before = instant.weeks_before(weeks)
    then = estimate(connection, rules.scorer, before, weeks)
    similar = evaluate(connection, rules, before, at, then)
    now = estimate(connection, rules.scorer, instant, weeks)
    found = matches(connection, rules, instant, only_latest=True)
    for match, expected in scored(found, now):
        yield Pick(
            match.rule,
            match.standing,
            expected.return_probability,
            expected.revenue_usd,
            _similar(similar, match.rule, match.standing, weeks),
        )


def _similar(
    found: Mapping[str, Tallies], rule: Rule, standing: Standing, weeks: int
) -> Similar | None:
    band = found[rule.name].bands.get(band_of(standing.purchase_days))
    return None if band is None else Similar(band.customers, band.returned, weeks)


def why_a_person(rules: RuleSet, standing: Standing) -> str | None:
    """Why nothing may be decided automatically about a customer; None if it may.

    In automatic mode such customers are proposed.
    """
    if standing.purchase_days > 1:
        return f"the customer bought on {standing.purchase_days} days"
    if max(standing.ltv_usd, standing.spent_usd) >= rules.high_value_usd:
        return f"the customer is worth {rules.high_value_usd:,.2f} USD or more"
    if not standing.is_whole:
        return "events of the customer are in detached partitions of the ledger"
    return None
