"""What is kept of rules: the content of each version that was used, and backtests.

Automatic decisions need a backtest that passed, of the same content, made lately.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from signoff_db.sql import statement
from signoff_insight.facts.state import PACKAGE
from signoff_insight.transitions.backtest import Backtest
from signoff_insight.transitions.errors import RuleChangedError
from signoff_insight.transitions.rules import Rule, RuleSet
from signoff_schemas.wording import count

_BACKTEST: Final = TypeAdapter(Backtest)


@dataclass(frozen=True, slots=True)
class KeptBacktest:
    """A backtest that was made."""

    id: int
    made_at: datetime
    made_by: str
    content: dict[str, Any]
    """The rule as it was tested; see `RuleSet.content`."""
    result: Backtest


@dataclass(frozen=True, slots=True)
class _Row:
    rule: str
    id: int
    made_at: datetime
    made_by: str
    content: dict[str, Any]
    result: dict[str, Any]


def keep_versions(connection: Connection[TupleRow], rules: RuleSet) -> None:
    """Note what each version of the rules stands for, in the transaction of whoever uses them.

    Raises:
        RuleChangedError: a rule was changed, and its version was not raised.
    """
    for rule in rules.rules:
        parameters = {
            "name": rule.name,
            "version": rule.version,
            "content": Jsonb(rules.content(rule)),
        }
        connection.execute(statement("transitions/add_version", PACKAGE), parameters)
        row = connection.execute(statement("transitions/version", PACKAGE), parameters).fetchone()
        if row is None or row[0] is not True:
            raise RuleChangedError(
                f"the rule {rule.name} was changed, and version {rule.version} of it was used "
                f"before with another content; raise its version. {_changed(row, rules, rule)}"
            )


def _changed(row: TupleRow | None, rules: RuleSet, rule: Rule) -> str:
    """What is another in the content of a version."""
    held: dict[str, Any] = row[1] if row else {}
    new = rules.content(rule)
    names = [name for name in {**held, **new} if held.get(name) != new.get(name)]
    return f"Not the same: {', '.join(names)}"


def keep_backtests(
    connection: Connection[TupleRow], rules: RuleSet, found: Sequence[Backtest], made_by: str
) -> None:
    """Keep backtests of rules, for their automatic mode and for pages."""
    with connection.transaction():
        for one in found:
            parameters = {
                "rule": one.rule,
                "version": one.version,
                "at": one.at,
                "basis": one.basis,
                "weeks": one.weeks,
                "passed": one.passed,
                "why_not": list(one.why_not),
                "content": Jsonb(rules.content(rules.rule(one.rule))),
                "result": Jsonb(_BACKTEST.dump_python(one, mode="json")),
                "made_by": made_by,
            }
            connection.execute(statement("transitions/add_backtest", PACKAGE), parameters)


def kept_backtests(
    connection: Connection[TupleRow], rules: Sequence[str], *, limit: int = 20
) -> Mapping[str, Sequence[KeptBacktest]]:
    """The backtests of each of these rules, of all its versions, the one made last first."""
    with connection.cursor(row_factory=class_row(_Row)) as cursor:
        parameters = {"rules": list(rules), "limit": limit}
        rows = cursor.execute(statement("transitions/backtests", PACKAGE), parameters).fetchall()
    found: dict[str, list[KeptBacktest]] = {rule: [] for rule in rules}
    for row in rows:
        result = _BACKTEST.validate_python(row.result, strict=False)
        kept = KeptBacktest(row.id, row.made_at, row.made_by, row.content, result)
        found[row.rule].append(kept)
    return found


def why_not_automatic(
    connection: Connection[TupleRow], rules: RuleSet, rule: Rule
) -> tuple[str, ...]:
    """Why a rule may not decide by itself now; empty if it may.

    Of the backtests of the rule as it is, with the weeks of its file, that were made in the last
    `backtest_valid_days`, the one of the latest day counts; of several of that day, the last.
    """
    return tuple(_why_not(connection, rules, rule))


def _why_not(connection: Connection[TupleRow], rules: RuleSet, rule: Rule) -> Iterator[str]:
    row = connection.execute(
        statement("transitions/deciding_backtest", PACKAGE),
        {
            "rule": rule.name,
            "version": rule.version,
            "weeks": rules.returned_within_weeks,
            "content": Jsonb(rules.content(rule)),
            "valid": timedelta(days=rules.backtest_valid_days),
        },
    ).fetchone()
    remedy = f"signoff transitions backtest --rule {rule.name}"
    if row is None:
        yield (
            f"version {rule.version} of it has no backtest of "
            f"{count(rules.returned_within_weeks, 'week')} from the last "
            f"{count(rules.backtest_valid_days, 'day')}: {remedy}, with --by occurred for history "
            "that was imported"
        )
        return
    at, why_not = row
    for reason in why_not:
        yield f"its backtest of {at} did not pass: {reason}"
