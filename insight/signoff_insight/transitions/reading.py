"""Read standings, what followed, and what was bought, as of an instant."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, LiteralString, cast
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from signoff_db.sql import statement
from signoff_insight.facts.state import PACKAGE
from signoff_insight.transitions.rules import Rule, RuleSet
from signoff_insight.transitions.standing import Basis, Standing
from signoff_insight.views.selection import begin_of

_PLANNED: Final[Mapping[str, str]] = {
    # Rows are joined in bulk: the planner cannot know how many customers meet a rule, and would
    # look up millions one by one.
    "enable_nestloop": "off",
    "enable_mergejoin": "off",
    # Compiling a plan takes longer than these statements do.
    "jit": "off",
    # All rows are read.
    "cursor_tuple_fraction": "1",
}
"""Settings while a statement is planned; then those of the caller hold again."""
_MEMORY: Final = "SELECT set_config('work_mem', '64MB', true)"
_ROWS: Final = 5_000
"""Rows that a stream fetches together."""
_PARTS: Final[tuple[LiteralString, ...]] = (
    "standings",
    "matched",
    "outcomes",
    "purchases",
    "approved",
    "newest_opening",
    "opening",
)
"""What statements share; a part may hold those after it."""
_OF_SCORERS: Final = frozenset({"min_return_probability", "max_return_probability"})
"""The thresholds that no statement knows."""


@dataclass(frozen=True, slots=True)
class Instant:
    """When, and with which events, customers are looked at."""

    at: datetime
    timezone: str
    """Whose days with a purchase count."""
    basis: Basis

    @property
    def day(self) -> date:
        """Its day in the time zone."""
        return self.at.astimezone(ZoneInfo(self.timezone)).date()

    def weeks_before(self, weeks: int) -> "Instant":
        """The same time of day, some weeks before."""
        local = self.at.astimezone(ZoneInfo(self.timezone))
        return Instant(local - timedelta(weeks=weeks), self.timezone, self.basis)

    @classmethod
    def end_of(cls, day: date, timezone: str, basis: Basis) -> "Instant":
        """The last microsecond of a day."""
        return cls(end_of(day, timezone), timezone, basis)


def end_of(day: date, timezone: str) -> datetime:
    """The last microsecond of a day in a time zone."""
    return begin_of(day + timedelta(days=1), timezone) - datetime.resolution


@dataclass(frozen=True, slots=True)
class Match:
    """A customer that meets the thresholds of a rule, but for those on P(return)."""

    rule: Rule
    standing: Standing
    revenue_usd: Decimal | None
    """What it paid after the instant, until the one that was asked for; None if it did not buy."""


@dataclass(frozen=True, slots=True)
class Base:
    """All customers of a status who were answered."""

    customers: int
    returned: int
    """Those of them who bought after the instant, until the one that was asked for."""


def matches(
    connection: Connection[TupleRow],
    rules: RuleSet,
    instant: Instant,
    *,
    until: datetime | None = None,
    only_latest: bool = False,
    is_whole: bool = True,
) -> Iterator[Match]:
    """The customers that meet the rules' thresholds, but for those on P(return).

    They come in order of their last approval, then of their user_id.

    Args:
        connection: inside of a transaction, which the caller holds until the last one is read.
        rules: of these.
        instant: when, and with which events.
        until: look also what they bought after it until then.
        only_latest: without customers who have a later event that counts; the customer facts tell
            who those are.
        is_whole: whether the standings have the last events and the LTV; without, their ids are
            nil, and the LTV is 0, which takes half the time.
    """
    parameters = {
        "until": until,
        "rules": Jsonb([_as_row(number, rule) for number, rule in enumerate(rules.rules)]),
        "statuses": rules.statuses,
    }
    asks_ltv = any(name.endswith("ltv_usd") for rule in rules.rules for name in rule.when.given)
    text = _text(
        "picked",
        wanted="latest_customers" if only_latest else "all_customers",
        latest="latest" if is_whole else "latest_unasked",
        worth="worth_now"
        if only_latest
        else "worth_then"
        if is_whole or asks_ltv
        else "worth_unasked",
    )
    for row in _stream(connection, text, instant, parameters):
        yield Match(rules.rules[row[0]], Standing(*row[1:-1]), row[-1])


def bases(
    connection: Connection[TupleRow], instant: Instant, until: datetime
) -> Mapping[str, Base]:
    """All customers who were answered, by status."""
    text = _text("bases", wanted="all_customers")
    rows = _stream(connection, text, instant, {"until": until})
    return {status: Base(customers, returned) for status, customers, returned in rows}


def histories(
    connection: Connection[TupleRow], instant: Instant
) -> Iterator[tuple[int, int, int, float]]:
    """What each buyer had bought, as the forecast takes it: x, t_x, age in days, and spend."""
    text = _text("histories", wanted="with_amount")
    rows = _stream(connection, text, instant, {"today": instant.day})
    return ((x, t_x, age, spend) for x, t_x, age, spend in rows)


def latest_event(connection: Connection[TupleRow]) -> datetime | None:
    """When the latest approval of the ledger occurred; None without any."""
    (found,) = connection.execute(_part("latest_event")).fetchone() or (None,)
    return cast("datetime | None", found)


def _stream(
    connection: Connection[TupleRow],
    text: LiteralString,
    instant: Instant,
    parameters: Mapping[str, object],
) -> Iterator[TupleRow]:
    """The rows of a statement one by one, without holding all of them."""
    given = {
        "at": instant.at,
        "timezone": instant.timezone,
        "by_applied": instant.basis is Basis.APPLIED,
    }
    with connection.cursor("transitions", scrollable=False) as cursor:
        with _planning(connection):
            cursor.execute(text, {**given, **parameters}, binary=True)
        while rows := cursor.fetchmany(_ROWS):
            yield from rows


@contextmanager
def _planning(connection: Connection[TupleRow]) -> Iterator[None]:
    """Plan a cursor's statement for many rows."""
    names = list(_PLANNED)
    held = connection.execute(
        "SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name", [names]
    ).fetchall()
    _set(connection, _PLANNED)
    connection.execute(_MEMORY)
    yield
    _set(connection, dict(held))


def _set(connection: Connection[TupleRow], settings: Mapping[str, str]) -> None:
    connection.execute(
        "SELECT set_config(name, value, true)"
        " FROM unnest(%s::text[], %s::text[]) AS setting(name, value)",
        [list(settings), list(settings.values())],
    )


def _text(name: LiteralString, **chosen: LiteralString) -> LiteralString:
    """A statement with its parts; of some parts there are several, of which one is chosen."""
    text = _part(name)
    parts: dict[str, LiteralString] = {part: part for part in _PARTS}
    for part, name_of_part in {**parts, **chosen}.items():
        text = text.replace(f"{{{part}}}", _part(name_of_part))
    return text


def _part(name: LiteralString) -> LiteralString:
    return statement(f"transitions/{name}", PACKAGE)


def _as_row(number: int, rule: Rule) -> dict[str, object]:
    """A rule's thresholds as the statement takes them."""
    given = {name: held for name, held in rule.when.given.items() if name not in _OF_SCORERS}
    texts = {name: str(held) for name, held in given.items()}
    return {**texts, "number": number, "statuses": list(rule.from_statuses)}
