"""What is kept of rules: the content of their versions, and backtests that allow automatic mode."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import connect
from signoff_insight.transitions.backtest import Backtest, Band
from signoff_insight.transitions.errors import RuleChangedError
from signoff_insight.transitions.keeping import (
    keep_backtests,
    keep_versions,
    kept_backtests,
    why_not_automatic,
)
from signoff_insight.transitions.rules import RuleSet, default_rules
from signoff_insight.transitions.standing import Basis

RULES = default_rules()
RULE = RULES.rule("churn-silence")


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection[TupleRow]]:
    """A connection to a fresh database."""
    with connect(database_url) as opened:
        yield opened


def outcome(*why_not: str, at: date = date(2026, 1, 1), weeks: int = 26) -> Backtest:
    """A backtest of the rule."""
    band = Band("1", 100, 5, Decimal("50.00"), 0.06, 0.05, 0.01, is_judged=True)
    return Backtest(
        rule=RULE.name,
        version=RULE.version,
        from_statuses=RULE.from_statuses,
        to_status=RULE.to_status,
        at=at,
        basis=Basis.APPLIED,
        weeks=weeks,
        observed_until=date(2026, 9, 1),
        customers=200,
        picked=100,
        wrong=5,
        wrong_if="returned",
        precision=0.95,
        recall=None,
        cost_usd=Decimal("50.00"),
        cost_per_pick_usd=Decimal("0.50"),
        max_wrong=0.1,
        bands=(band,),
        scorer="mbg_nbd",
        why_no_prediction=None,
        why_not=why_not,
        notes=("a note",),
    )


def changed(**changes: object) -> RuleSet:
    """The default rules with a change of the first."""
    rule = RULE.model_copy(update=changes)
    return RULES.model_copy(update={"rules": (rule, *RULES.rules[1:])})


def test_a_version_stands_for_one_content(connection: Connection[TupleRow]) -> None:
    """Another content needs another version; the message says what is another."""
    keep_versions(connection, RULES)
    keep_versions(connection, RULES)
    with pytest.raises(RuleChangedError, match=r"raise its version\. Not the same: cap$"):
        keep_versions(connection, changed(cap=300))
    keep_versions(connection, changed(cap=300, version=2))
    with pytest.raises(RuleChangedError, match="Not the same: returned_within_weeks"):
        keep_versions(connection, RULES.model_copy(update={"returned_within_weeks": 13}))
    kept = connection.execute("SELECT name, version FROM transition_rules ORDER BY 1, 2").fetchall()
    assert kept[:2] == [("churn-silence", 1), ("churn-silence", 2)]
    assert len(kept) == 5


def test_what_is_kept_never_changes(connection: Connection[TupleRow]) -> None:
    """Nor is it deleted."""
    keep_versions(connection, RULES)
    keep_backtests(connection, RULES, [outcome()], "ann")
    for table in ("transition_rules", "transition_backtests"):
        for change in (f"UPDATE {table} SET version = 9", f"DELETE FROM {table}"):
            with pytest.raises(psycopg.errors.RaiseException, match="insert-only"):
                connection.execute(change.encode())


def test_a_backtest_is_kept_as_it_was(connection: Connection[TupleRow]) -> None:
    """With who made it, and the rule as it was tested; the last one first."""
    keep_backtests(connection, RULES, [outcome(), outcome("too many")], "ann")
    second, first = kept_backtests(connection, [RULE.name])[RULE.name]
    assert (first.result, second.result) == (outcome(), outcome("too many"))
    assert first.made_by == "ann"
    assert first.content == RULES.content(RULE)
    assert kept_backtests(connection, ["reactivate"]) == {"reactivate": []}


def test_without_a_passed_backtest_a_rule_does_not_decide(
    connection: Connection[TupleRow],
) -> None:
    """The reasons of one that did not pass are given."""
    (missing,) = why_not_automatic(connection, RULES, RULE)
    assert missing == (
        "version 1 of it has no backtest of 26 weeks from the last 90 days: "
        "signoff transitions backtest --rule churn-silence, with --by occurred for history that "
        "was imported"
    )
    keep_backtests(connection, RULES, [outcome("it was wrong", "a band is off")], "ann")
    assert why_not_automatic(connection, RULES, RULE) == (
        "its backtest of 2026-01-01 did not pass: it was wrong",
        "its backtest of 2026-01-01 did not pass: a band is off",
    )
    keep_backtests(connection, RULES, [outcome()], "ann")
    assert why_not_automatic(connection, RULES, RULE) == ()


def test_the_backtest_of_the_latest_day_counts(connection: Connection[TupleRow]) -> None:
    """That of an earlier day, made later, neither allows nor forbids."""
    keep_backtests(connection, RULES, [outcome("wrong"), outcome(at=date(2025, 1, 1))], "ann")
    assert why_not_automatic(connection, RULES, RULE)
    keep_backtests(connection, RULES, [outcome(at=date(2026, 1, 2))], "ann")
    keep_backtests(connection, RULES, [outcome("wrong", at=date(2025, 1, 1))], "ann")
    assert why_not_automatic(connection, RULES, RULE) == ()


@pytest.mark.parametrize(
    "rules",
    [
        changed(version=2),
        changed(max_wrong=0.2),
        RULES.model_copy(update={"scorer": "other"}),
        RULES.model_copy(update={"returned_within_weeks": 13}),
    ],
)
def test_a_backtest_of_another_rule_does_not_count(
    connection: Connection[TupleRow], rules: RuleSet
) -> None:
    """Of another version, content, scorer or number of weeks."""
    keep_backtests(connection, RULES, [outcome()], "ann")
    assert why_not_automatic(connection, rules, rules.rules[0])


def test_an_old_backtest_does_not_count(connection: Connection[TupleRow]) -> None:
    """A rule has to be tested again every `backtest_valid_days`."""
    with connection.transaction():
        keep_backtests(connection, RULES, [outcome()], "ann")
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(
            "UPDATE transition_backtests SET made_at = now() - interval '90 days 1 second'"
        )
    assert why_not_automatic(connection, RULES, RULE)
