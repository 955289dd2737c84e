"""The feed of reviews: every final decision exactly once, to a reader that keeps its position.

    page = read(connection)
    while not page.caught_up:
        page = read(connection, page.position)

A position works as that of the feed of events (`signoff_db/feed_position.py`): nothing is missed
under concurrent writers. A decision that can still be undone holds back those behind it, for
`SIGNOFF_UNDO_SECONDS` at the most. What was undone is left out. Reviews that expired are told too.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, namedtuple_row

from signoff_db.feed_position import NOTHING, InvalidPositionError, Position
from signoff_db.feed_state import checked, state_at, usable
from signoff_db.reviews.reading import expire
from signoff_db.sql import statement

MOST_DECISIONS: Final = 1000
_PREFIX: Final = "reviews-"
"""What tells a position of this feed from one of the feed of events."""


@dataclass(frozen=True, slots=True)
class ReviewDecision:
    """A final decision about a review."""

    position: str
    """That of a reader which has read this decision and all before it."""
    id: UUID
    """Of this decision: the same whenever it is read."""
    interaction_id: UUID
    user_id: str
    decision: str
    """`approved`, `rejected` or `expired`."""
    reviewer: str | None
    opened_at: datetime | None
    decided_at: datetime
    event_id: UUID | None
    event: str | None
    """The approval event as JSON."""
    reject_reason: str | None


@dataclass(frozen=True, slots=True)
class ReviewFeedPage:
    """Some decisions, in order."""

    decisions: tuple[ReviewDecision, ...]
    position: str
    """That of a reader which has read them."""
    caught_up: bool
    """Whether there were no more that are final."""


def read(
    connection: Connection[TupleRow],
    after: str | None = None,
    *,
    limit: int = 100,
    accept_restore: bool = False,
) -> ReviewFeedPage:
    """Read the decisions that follow a position; None is the beginning.

    Args and errors: as `signoff_db.feed.read`, without gaps.
    """
    given = _parsed(after) if after is not None else None
    most = max(1, min(limit, MOST_DECISIONS))
    expire(connection)
    with connection.transaction():
        state = usable(state_at(connection, given, "reviews/feed_state"))
        position = (
            checked(state, given, accept_restore=accept_restore)
            if given
            else replace(state.start, done=NOTHING)
        )
        reading = replace(position, target=position.target or state.now)
        rows = _rows(connection, reading, most, inside=position.target is not None)
    return _page(position, reading, rows, most)


def _parsed(text: str) -> Position:
    if not text.startswith(_PREFIX):
        raise InvalidPositionError(
            "the position is none that the feed of reviews gave; give one exactly as it was, or "
            "begin without one: then all decisions come from the first on"
        )
    return Position.parse(text.removeprefix(_PREFIX))


def _rows(
    connection: Connection[TupleRow], reading: Position, most: int, *, inside: bool
) -> list[Any]:
    """The rows of the difference; `inside` of a target the last decision is a place in it."""
    parameters = {
        "head": reading.head,
        "done": str(reading.done),
        "target": str(reading.target),
        "last_in": str(reading.last_in) if inside else None,
        "last_event": reading.last_event if inside else None,
        "most": most,
    }
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return list(cursor.execute(statement("reviews/feed_page"), parameters).fetchall())


def _page(position: Position, reading: Position, rows: list[Any], most: int) -> ReviewFeedPage:
    """The page up to the first decision that can still be undone."""
    final = next((index for index, row in enumerate(rows) if row.open), len(rows))
    read_now = rows[:final]
    last = str(read_now[-1].position) if read_now else f"{_PREFIX}{position}"
    decisions = tuple(_decision(row) for row in read_now if not row.undone)
    if final < len(rows):
        return ReviewFeedPage(decisions, last, caught_up=True)
    if len(rows) == most:
        return ReviewFeedPage(decisions, last, caught_up=False)
    behind = _parsed(last) if read_now else position
    finished = replace(behind, done=reading.target, target=None)
    return ReviewFeedPage(decisions, f"{_PREFIX}{finished}", caught_up=position.target is None)


def _decision(row: Any) -> ReviewDecision:  # noqa: ANN401 -- a row of the statement
    return ReviewDecision(
        row.position,
        row.id,
        row.interaction_id,
        row.user_id,
        row.decision,
        row.reviewer,
        row.opened_at,
        row.decided_at,
        row.event_id,
        row.event,
        row.reject_reason,
    )
