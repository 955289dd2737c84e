"""Standings: what was known of each customer at an instant."""

from datetime import UTC, datetime, timedelta

import pytest
from ledgers_in_time import Held
from plain_transitions import everybody, plain_matches, plain_standings

from signoff_insight.transitions.picking import picks
from signoff_insight.transitions.reading import Instant, matches
from signoff_insight.transitions.rules import Rule, RuleSet
from signoff_insight.transitions.standing import Basis, Standing

DURING = datetime(2025, 5, 1, tzinfo=UTC)
INSTANTS = (
    datetime(2024, 11, 1, 12, tzinfo=UTC),
    DURING,
    datetime(2025, 11, 20, 3, tzinfo=UTC),
    datetime(2026, 7, 1, tzinfo=UTC),
)


def matched(held: Held, rules: RuleSet, at: datetime, basis: Basis) -> list[tuple[Rule, Standing]]:
    """Whom the rules take, computed by Postgres."""
    with held.connection.transaction():
        found = matches(held.connection, rules, Instant(at, held.timezone, basis))
        return [(match.rule, match.standing) for match in found]


@pytest.mark.parametrize("at", INSTANTS)
@pytest.mark.parametrize("basis", Basis)
def test_standings_are_those_of_what_was_known_then(
    mixed: Held, at: datetime, basis: Basis
) -> None:
    """Every value of every customer, with late events and decisions that were void or not yet."""
    rules = everybody()
    known = mixed.applied if basis is Basis.APPLIED else None
    plain = plain_standings(mixed.events, at, mixed.timezone, known)
    expected = list(plain_matches(rules.rules, plain.values(), at))
    assert len(expected) > 10
    assert matched(mixed, rules, at, basis) == expected


def test_picks_leave_out_who_has_a_later_event(mixed: Held) -> None:
    """And no customer else: that a run asks the facts first changes nothing."""
    rules = everybody()
    later = plain_standings(mixed.events, INSTANTS[-1], mixed.timezone)
    plain = plain_standings(mixed.events, DURING, mixed.timezone)
    silent = [one for user, one in plain.items() if later[user].last_event_at <= DURING]
    assert 0 < len(silent) < len(plain)
    with mixed.connection.transaction():
        found = [
            (p.rule, p.standing) for p in picks(mixed.connection, rules, DURING, mixed.timezone)
        ]
    assert found == list(plain_matches(rules.rules, silent, DURING))


@pytest.mark.parametrize(
    "when",
    [
        {"min_silent_days": 30},
        {"max_silent_days": 30},
        {"min_days_in_status": 40},
        {"min_approvals": 3, "max_approvals": 5},
        {"min_approvals_in_status": 2, "max_silent_days": 60},
        {"min_ctas": 1, "max_ctas": 2},
        {"min_purchase_days": 1, "max_purchase_days": 1},
        {"min_ltv_usd": "1.10", "max_ltv_usd": "2.20"},
        {"min_silent_days": 20, "min_approvals": 2, "max_purchase_days": 0},
    ],
)
def test_all_thresholds_must_hold(mixed: Held, when: dict[str, object]) -> None:
    """Each kind of threshold, both ends within."""
    rules = everybody(when)
    plain = plain_standings(mixed.events, DURING, mixed.timezone)
    expected = list(plain_matches(rules.rules, plain.values(), DURING))
    assert 0 < len(expected) < len(plain)
    assert matched(mixed, rules, DURING, Basis.OCCURRED) == expected


def test_a_day_of_silence_is_twenty_four_hours(mixed: Held) -> None:
    """Just before a day is over, it does not count."""
    plain = plain_standings(mixed.events, DURING, mixed.timezone).values()
    one = max(plain, key=lambda each: each.last_approval_at)
    at = one.last_approval_at + timedelta(days=7)
    for moment, is_taken in ((at - timedelta(microseconds=1), False), (at, True)):
        found = matched(mixed, everybody({"min_silent_days": 7}), moment, Basis.OCCURRED)
        expected = one.last_approval_at, is_taken
        assert (one.last_approval_at, one in [standing for _, standing in found]) == expected
