"""The feed: every applied event exactly once, to a reader that keeps the position it got.

    page = read(connection)
    while not page.caught_up:
        page = read(connection, page.position)

A reader that stores the position in the transaction of its own effects has each effect once,
whenever it is killed; `feed_reader.py` does that.

Order: what was committed before one read began comes before what was committed after it. Between
two reads, events come in the order of (transaction, event_id). An event that occurred earlier may
come later: the fold does not mind, since it orders events by when they occurred.

How nothing is missed under concurrent writers: `feed_position.py`. What a reader is told instead of
skipping or repeating events silently: `feed_state.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import repeat
from struct import unpack
from typing import Final, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.feed_position import NOTHING, Position, Snapshot
from signoff_db.feed_state import checked, state_at, usable
from signoff_db.sql import statement

MOST_EVENTS: Final = 10_000
"""The most events of a page."""
MOST_CHARACTERS: Final = 16 * 2**20
"""A page ends early when it has more of them: events may be large."""
_FIRST: Final = 1000
"""The most events of a page's first statement. It tells how large events are."""
_GROWTH: Final = 3
_USUAL: Final = 2000
"""Characters of an event up to which the next statement reads more events at once."""
_ID_LENGTH: Final = 36
_YEAR_2000: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""From which Postgres counts."""


class FeedEvent(NamedTuple):
    """One applied event, as Postgres gives it; its parts are made when they are asked for."""

    transaction: str
    """How the positions of all events of its transaction begin."""
    applied: int
    """Microseconds from the year 2000 to `applied_at`."""
    line: str
    """Its id, its type and its JSON, with a space between."""

    @property
    def position(self) -> str:
        """That of a reader which has read this event and all before it."""
        return self.transaction + self.id_text

    @property
    def event_id(self) -> UUID:
        """Its id."""
        return UUID(self.id_text)

    @property
    def id_text(self) -> str:
        """Its id as Postgres writes it; to make the UUID takes several times as long."""
        return self.line[:_ID_LENGTH]

    @property
    def event_type(self) -> str:
        """The kind of event."""
        return self.line.split(" ", 2)[1]

    @property
    def applied_at(self) -> datetime:
        """When it was applied."""
        return _YEAR_2000 + timedelta(microseconds=self.applied)

    @property
    def event(self) -> str:
        """The event's JSON, as the contract has it; empty if no contents were wanted."""
        return self.line.split(" ", 2)[2]


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Some events of the feed, in order."""

    events: tuple[FeedEvent, ...]
    position: str
    """That of a reader which has read them."""
    caught_up: bool
    """Whether there were no more when the page was read."""


def read(
    connection: Connection[TupleRow],
    after: str | None = None,
    *,
    limit: int = 1000,
    accept_restore: bool = False,
    contents: bool = True,
) -> FeedPage:
    """Read the events that follow a position.

    Args:
        connection: to the ledger's primary server, in READ COMMITTED; inside of a transaction or
            not.
        after: the position of the last page, or of one of its events; None for the beginning.
        limit: the most events, up to `MOST_EVENTS`; a page of large events holds fewer.
        accept_restore: go on with a position from before a restore. That is right where the
            position was restored together with the ledger. Any other reader may miss events that
            were lost with the old database, and get events again that were applied again.
        contents: False for positions and times alone.

    Raises:
        InvalidPositionError: `after` is no position of a feed.
        FeedRestoredError: the database was restored since the position was given, or is to be
            migrated after a restore.
        FeedGapError: events that follow the position were detached with a partition.
        DatabaseUnavailableError: this server is a standby.
    """
    given = Position.parse(after) if after is not None else None
    most = max(1, min(limit, MOST_EVENTS))
    # In one transaction, which locks the ledger when the state is read: a partition that is
    # detached between the state and the page would be missing from the page, and count as read.
    with connection.transaction():
        state = usable(state_at(connection, given))
        position = checked(state, given, accept_restore=accept_restore) if given else state.start
        return _page(connection, position, state.now, most, contents=contents)


def pages(
    connection: Connection[TupleRow],
    after: str | None = None,
    *,
    size: int = MOST_EVENTS,
    accept_restore: bool = False,
    contents: bool = True,
) -> Iterator[FeedPage]:
    """The pages that follow a position, up to what is there when the last one is read.

    Args and errors: as `read`; `size` is the limit of a page.
    """
    page = read(connection, after, limit=size, accept_restore=accept_restore, contents=contents)
    yield page
    while not page.caught_up:
        page = read(connection, page.position, limit=size, contents=contents)
        yield page


def end(connection: Connection[TupleRow]) -> str:
    """The position of a reader that wants only what is applied from now on.

    Raises:
        FeedRestoredError, DatabaseUnavailableError: as `read`.
    """
    state = usable(state_at(connection, None))
    return str(replace(state.start, done=state.now))


def _last(events: Sequence[FeedEvent], position: Position) -> Position:
    """The position behind these events; it is the given one if there are none."""
    return Position.parse(events[-1].position) if events else position


def _page(
    connection: Connection[TupleRow],
    position: Position,
    now: Snapshot,
    most: int,
    *,
    contents: bool,
) -> FeedPage:
    """The events from before the feed that follow a position, then those of the feed."""
    history: tuple[FeedEvent, ...] = ()
    if position.done is None:
        parameters = {"last_event": position.last_event, "contents": contents}
        history, is_all = _rows(connection, "feed_history", position, parameters, most)
        if not is_all:
            return FeedPage(history, history[-1].position, caught_up=False)
        position = replace(_last(history, position), done=NOTHING)
    page = _difference(connection, position, now, most - len(history), contents=contents)
    return replace(page, events=history + page.events)


def _difference(
    connection: Connection[TupleRow],
    position: Position,
    now: Snapshot,
    most: int,
    *,
    contents: bool,
) -> FeedPage:
    """A page of what is visible in the position's target and not in what it has done."""
    target = position.target or now
    reading = replace(position, target=target)
    # The last event is a place in the target only if it was read from it.
    last_in, last_event = (
        (str(position.last_in), position.last_event) if position.target else (None, None)
    )
    parameters = {
        "done": str(position.done),
        "target": str(target),
        "last_in": last_in,
        "last_event": last_event,
        "contents": contents,
    }
    events, is_all = _rows(connection, "feed_page", reading, parameters, most)
    if not is_all:
        return FeedPage(events, events[-1].position, caught_up=False)
    finished = replace(_last(events, reading), done=target, target=None)
    return FeedPage(events, str(finished), caught_up=position.target is None)


def _rows(
    connection: Connection[TupleRow],
    name: str,
    position: Position,
    parameters: Mapping[str, object],
    most: int,
) -> tuple[tuple[FeedEvent, ...], bool]:
    """So many events at the most, and whether these are all.

    Some at once, so that no statement's events are too large together; more at once while they are
    small, since each statement takes as long as hundreds of events.
    """
    events: list[FeedEvent] = []
    given, characters, at_once = dict(parameters), 0, _FIRST
    while (wanted := min(most - len(events), at_once)) and characters <= MOST_CHARACTERS:
        rows = connection.execute(statement(name), {**given, "most": wanted}, binary=True)
        found = len(events)
        for transaction, applied_at, lines in rows:
            events += _events(position.head, transaction, applied_at, lines)
            given |= {"last_in": transaction, "last_event": events[-1].line[:_ID_LENGTH]}
            characters += len(lines)
        if len(events) - found < wanted:
            return tuple(events), True
        at_once = _FIRST * _GROWTH if characters <= _USUAL * len(events) else _FIRST
    return tuple(events), False


def _events(head: str, transaction: str, applied_at: bytes, lines: str) -> Iterator[FeedEvent]:
    """The events of a transaction; see migration 0019."""
    times = unpack(f">{len(applied_at) // 8}q", applied_at)
    return map(
        FeedEvent._make,
        zip(repeat(f"{head}{transaction}."), times, lines.split("\n"), strict=False),
    )
