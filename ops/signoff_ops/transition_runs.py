"""Run the rules of transitions: propose, and decide where a rule may do so itself."""

from collections.abc import Callable
from datetime import UTC, date, datetime

from signoff_db.connection import connect
from signoff_db.migrate import require_current
from signoff_db.read_connection import explained
from signoff_insight.transitions import counting, running
from signoff_insight.transitions.counting import Run
from signoff_insight.transitions.reading import end_of
from signoff_insight.transitions.rules import load_rules
from signoff_schemas import Settings

__all__ = ["Run", "end_of_day", "run_rules"]

_APPLICATION = "signoff transitions run"


def run_rules(
    settings: Settings,
    actor: str,
    *,
    at: datetime | None = None,
    rule: str | None = None,
    on_progress: Callable[[int], object] = lambda _: None,
) -> Run:
    """Run the rules once, for now or for a time in the past; then all of them only propose.

    It takes seconds, or minutes with millions of customers; one run works at a time, another one
    waits. What it has written stays if it is stopped, and the next one goes on.

    Args:
        settings: with the database, the time zone and the file of rules.
        actor: who runs them.
        at: the instant at which customers are judged.
        rule: only this one.
        on_progress: told how many proposals are written and decided.

    Raises:
        RulesError: the file of rules is wrong, or there is no such rule.
        RuleChangedError: a rule was changed, and its version was not raised.
        RunRefusedError: the instant is in the future.
        StaleDataError: what is known is not up to date.
        SwitchedOffError: transitions are stopped.
        OutboxMissingError: a rule is to decide itself, and the database has no outbox.
        SettingsError, MigrationError: no database is set, or it lacks tables.
        DatabaseUnavailableError: Postgres is unavailable; what is committed stays.
    """
    rules = load_rules(settings)
    if rule is not None:
        rules = rules.only(rule)
    url = settings.require("database_url")
    require_current(url)
    wanted = running.Wanted(rules, settings.timezone, actor, at)
    with (
        explained(url),
        connect(url, application=_APPLICATION) as reading,
        connect(url, application=_APPLICATION) as writing,
    ):
        connections = running.RunConnections(reading, writing)
        number = running.run(connections, wanted, on_progress=on_progress)
        return counting.find_run(writing, number)


def end_of_day(day: date, settings: Settings) -> datetime:
    """The end of a day in the time zone that is set, as backtests have it."""
    return end_of(day, settings.timezone).astimezone(UTC)
