"""The desk: what waits, what was decided each day and how soon, by whom, and with which edits."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.report import Asked, Column, Reach, Report, Table, Unit, Value
from signoff_insight.views.reading import read
from signoff_insight.views.selection import begin_of, selection, tags_of

NAME: Final = "desk"
TITLE: Final = "Desk figures"
DEFINITION: Final = (
    "Reviews that wait now, and the decisions of each day, with the minutes from when a review came"
    " in until a person approved or rejected it."
)
DAYS: Final = 90
"""The days that are shown if no first one is asked for."""
_MOST: Final = 100
_NOTES: Final = (
    (
        "The desk is read from its decisions themselves, up to now; what was undone is not in it."
        f" Without a first day it shows the last {DAYS} days."
    ),
    (
        "Decided counts each approval and rejection by a person, so a review whose draft was"
        " rejected counts again with its next draft; expired ones stand beside. Waiting are all"
        " that are not decided, also those in review. A day is provisional until it is over and"
        " none of its decisions can be undone."
    ),
    (
        "The minutes of a reviewer run from when they opened a review until they decided it. Edits"
        " are counted in the events of approved reviews, also of those that are not applied yet."
    ),
)
_DAYS: Final = (
    Column("day", "Day", Unit.DAY),
    Column("decided", "Decided"),
    Column("approved", "Approved"),
    Column("rejected", "Rejected"),
    Column("expired", "Expired"),
    Column("median_minutes", "Median minutes", Unit.NUMBER),
    Column("p90_minutes", "Nine of ten within minutes", Unit.NUMBER),
    Column("is_provisional", "May still change", Unit.FLAG),
)
_NOW: Final = (
    Column("waiting", "Waiting"),
    Column("oldest_minutes", "Oldest, minutes", Unit.NUMBER),
    Column("in_review", "In review"),
)
_REVIEWERS: Final = (
    Column("reviewer", "Reviewer", Unit.TEXT),
    Column("decided", "Decided"),
    Column("rejected_share", "Share rejected", Unit.SHARE),
    Column("median_minutes", "Median minutes from opening", Unit.NUMBER),
)
_EDITS: Final = (
    Column("tag", "Edit tag", Unit.TEXT),
    Column("approved", "Approved with it"),
    Column("share", "Share of approved", Unit.SHARE),
)


@dataclass(frozen=True, slots=True)
class _Now:
    """The row of `desk_now.sql`."""

    waiting: int
    in_review: int
    oldest_minutes: float | None
    today: date
    first_day: date | None


@dataclass(frozen=True, slots=True)
class _Day:
    """A row of `desk_days.sql`."""

    day: date
    approved: int = 0
    rejected: int = 0
    expired: int = 0
    minutes: Sequence[float] | None = None
    may_change: bool = False


@dataclass(frozen=True, slots=True)
class _Reviewer:
    """A row of `desk_reviewers.sql`."""

    reviewer: str
    decided: int
    rejected: int
    median_minutes: float | None


@dataclass(frozen=True, slots=True)
class _Edits:
    """A row of `desk_edits.sql`."""

    edit_tags: int
    approved: int


def desk(connection: Connection[TupleRow], asked: Asked, reach: Reach) -> Report:
    """What waits now, and what was decided."""
    now = read(connection, "desk_now", selection(asked, reach), _Now)[0]
    since, last = _first_and_last_day(asked, now.today)
    asked_days = selection(asked, reach) | {"since": begin_of(since, reach.timezone), "most": _MOST}
    shown = _each_day(max(since, now.first_day), last, reach.timezone) if now.first_day else {}
    days = read(connection, "desk_days", shown, _Day) if shown else ()
    reviewers = read(connection, "desk_reviewers", asked_days, _Reviewer)
    edits = read(connection, "desk_edits", asked_days, _Edits)
    waiting = (now.waiting, now.oldest_minutes, now.in_review)
    return Report(
        NAME,
        TITLE,
        DEFINITION,
        asked,
        reach,
        (
            Table("days", "By day", _DAYS, tuple(_days(days, last, now.today))),
            Table("now", "Now", _NOW, (waiting,)),
            Table("reviewers", "By reviewer", _REVIEWERS, tuple(map(_reviewer, reviewers))),
            Table("edits", "Edits", _EDITS, tuple(_edits(edits))),
        ),
        notes=_NOTES,
    )


def _first_and_last_day(asked: Asked, today: date) -> tuple[date, date]:
    """The days that are shown, if there were decisions."""
    end = asked.until or today + timedelta(days=1)
    return asked.since or end - timedelta(days=DAYS), min(today, end - timedelta(days=1))


def _each_day(first: date, last: date, timezone: str) -> Mapping[str, Sequence[object]]:
    """The parameters of `desk_days.sql`."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    begins = [begin_of(day, timezone) for day in (*days, last + timedelta(days=1))]
    return {"days": days, "begins": begins[:-1], "ends": begins[1:]}


def _days(days: Sequence[_Day], last: date, today: date) -> Iterator[tuple[Value, ...]]:
    """From the first day with a decision to the last day that is shown."""
    known = {one.day: one for one in days}
    for number in range((last - min(known)).days + 1 if known else 0):
        day = min(known) + timedelta(days=number)
        one = known.get(day, _Day(day))
        yield (
            day,
            one.approved + one.rejected,
            one.approved,
            one.rejected,
            one.expired,
            *(one.minutes or (None, None)),
            one.may_change or day >= today,
        )


def _reviewer(one: _Reviewer) -> tuple[Value, ...]:
    return one.reviewer, one.decided, one.rejected / one.decided, one.median_minutes


def _edits(edits: Sequence[_Edits]) -> Iterator[tuple[Value, ...]]:
    """The most frequent first."""
    approved = sum(one.approved for one in edits)
    counts = Counter[str]()
    for one in edits:
        counts.update(dict.fromkeys(tags_of(one.edit_tags), one.approved))
    for tag, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        yield tag, count, count / approved
