"""Check the rules of transitions, and test them on the past."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from signoff_db.reading import snapshot
from signoff_insight.transitions.backtest import Backtest, Band, backtests, latest_day
from signoff_insight.transitions.errors import (
    BacktestError,
    Mistake,
    RuleChangedError,
    RulesError,
    ScorerError,
    TransitionError,
)
from signoff_insight.transitions.keeping import KeptBacktest, keep_backtests, kept_backtests
from signoff_insight.transitions.rules import (
    DEFAULT_FILE,
    Rule,
    RuleSet,
    default_rules,
    load_rules,
    read_rules,
)
from signoff_insight.transitions.scorers import BUILT_IN, scorer_named
from signoff_insight.transitions.standing import Basis
from signoff_insight.transitions.wording import described
from signoff_ops.servers import Servers
from signoff_schemas import Settings

__all__ = [
    "Backtest",
    "BacktestError",
    "Band",
    "Basis",
    "CheckedRule",
    "CheckedRules",
    "KeptBacktest",
    "Mistake",
    "RuleChangedError",
    "RulesError",
    "ScorerError",
    "TransitionError",
    "backtest_data",
    "backtest_rules",
    "backtests_of",
    "check_rules",
]

WEEKS: Final = range(1, 105)
"""How many weeks a backtest may look ahead."""


@dataclass(frozen=True, slots=True)
class CheckedRule:
    """What a rule does."""

    name: str
    version: int
    from_statuses: tuple[str, ...]
    to_status: str
    mode: str
    """`propose` or `automatic`."""
    cap: int
    text: str
    """All of it in words."""


@dataclass(frozen=True, slots=True)
class CheckedRules:
    """A file of rules: what it does, or what is wrong in it."""

    file: str
    rules: tuple[CheckedRule, ...]
    """Empty if anything is wrong."""
    mistakes: tuple[Mistake, ...]
    """All that is wrong."""
    settings: RuleSet | None
    """The file as it was read; None if anything is wrong."""


def check_rules(settings: Settings, path: Path | None) -> CheckedRules:
    """What the rules of a file do, and what is wrong in it.

    Args:
        settings: which name the file, if `path` does not.
        path: another file; None for that of the settings, else the default rules.

    Raises:
        SettingsError: the file cannot be read.
    """
    chosen = path or settings.transitions_rules
    file = DEFAULT_FILE if chosen is None else str(chosen)
    try:
        rules = default_rules() if chosen is None else read_rules(chosen)
    except RulesError as error:
        return CheckedRules(file, (), error.mistakes, None)
    if rules.scorer != BUILT_IN:
        try:
            scorer_named(rules.scorer)
        except ScorerError as error:
            return CheckedRules(file, (), (Mistake(None, "scorer:", str(error)),), None)
    return CheckedRules(file, tuple(map(_checked, rules.rules)), (), rules)


def _checked(rule: Rule) -> CheckedRule:
    return CheckedRule(
        rule.name,
        rule.version,
        rule.from_statuses,
        rule.to_status,
        rule.mode,
        rule.cap,
        described(rule),
    )


def backtest_rules(
    servers: Servers,
    path: Path | None,
    days: Sequence[date],
    *,
    basis: Basis,
    rule: str | None,
    weeks: int | None,
    actor: str,
) -> Sequence[Backtest]:
    """Test rules on days in the past, and keep what came out.

    Args:
        servers: with the database, whose settings name the file of rules and the time zone.
        path: another file of rules; None for that of the settings, else the default rules.
        days: the rules look at the end of each; without any, of the last one that has been
            followed by enough weeks.
        basis: which events they know.
        rule: only this one; None for all.
        weeks: within so many a customer has to buy to have returned; None for those of the file.
        actor: who asks.

    Returns:
        The backtests: for each day, one for each rule.

    Raises:
        RulesError: the file is wrong, or has no such rule.
        BacktestError: a day lies after the latest event, there is no event, or too many weeks.
        ScorerError: the scorer is not there, or does not answer as it must.
        SettingsError: the file cannot be read, or no database is set.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    settings = servers.settings
    rules = load_rules(settings) if path is None else read_rules(path)
    chosen = rules if rule is None else rules.only(rule)
    within = rules.returned_within_weeks if weeks is None else weeks
    if within not in WEEKS:
        raise BacktestError(f"weeks are {WEEKS[0]} to {WEEKS[-1]}, not {within}")
    zone = settings.timezone
    with servers.database() as connection:
        with snapshot(connection):
            on = days or [latest_day(connection, zone, within)]
            found = [
                one
                for day in on
                for one in backtests(
                    connection, chosen, day, timezone=zone, basis=basis, weeks=within
                )
            ]
        keep_backtests(connection, rules, found, actor)
    return found


def backtests_of(
    servers: Servers, rules: Sequence[str], *, limit: int = 20
) -> Mapping[str, Sequence[KeptBacktest]]:
    """The backtests of each of these rules, of all its versions, the one made last first.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return kept_backtests(connection, rules, limit=limit)


def backtest_data(found: Backtest) -> dict[str, Any]:
    """A backtest as JSON-able data."""
    bands = [asdict(band) | {"is_off": band.is_off} for band in found.bands]
    return asdict(found) | {"bands": bands, "passed": found.passed}
