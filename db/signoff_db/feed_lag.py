"""How far the readers of the feed are behind."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.connection import DatabaseUnavailableError
from signoff_db.feed import MOST_EVENTS, pages, read
from signoff_db.feed_position import InvalidPositionError
from signoff_db.feed_state import FeedGapError, FeedRestoredError
from signoff_db.sql import statement

MOST_COUNTED: Final = MOST_EVENTS
"""So many unread events are counted."""
_REFUSALS: Final = (FeedRestoredError, FeedGapError, InvalidPositionError)
"""Why a reader cannot go on from its position."""


@dataclass(frozen=True, slots=True)
class Lag:
    """What a reader has not read yet."""

    events: int
    """At most `MOST_COUNTED`, if there are that many or more."""
    oldest_at: datetime | None
    """When the first of them was applied."""


def lag(
    connection: Connection[TupleRow], after: str | None, *, accept_restore: bool = False
) -> Lag:
    """What a reader at this position has not read yet.

    Raises:
        InvalidPositionError, FeedRestoredError, FeedGapError, DatabaseUnavailableError: as
            `signoff_db.feed.read`.
    """
    number, oldest = 0, None
    unread = pages(
        connection, after, size=MOST_COUNTED, accept_restore=accept_restore, contents=False
    )
    for page in unread:
        number += len(page.events)
        oldest = oldest or min((event.applied_at for event in page.events), default=None)
        if number >= MOST_COUNTED:
            break
    return Lag(min(number, MOST_COUNTED), oldest)


@dataclass(frozen=True, slots=True)
class ReaderState:
    """One reader, as its row and the ledger tell."""

    name: str
    unread: int | None
    """Events it has not read; `MOST_COUNTED` are that many or more. None where its position is
    refused."""
    oldest_unread_at: datetime | None
    """When the first of them was applied."""
    updated_at: datetime
    """When it last noted its position: with every page, and each minute if there are none."""
    failure: str | None
    """Why it cannot go on."""
    failing_since: datetime | None

    @property
    def unread_text(self) -> str | None:
        """How many, as people read it."""
        if self.unread is None:
            return None
        return f"{self.unread:,}{' or more' if self.unread >= MOST_COUNTED else ''}"


def readers(connection: Connection[TupleRow]) -> list[ReaderState]:
    """All readers that keep their position in the ledger's database, or a copy of it."""
    with connection.cursor(row_factory=class_row(_Row)) as cursor:
        return [_state(connection, row) for row in cursor.execute(statement("list_feed_readers"))]


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    position: str | None
    is_copy: bool
    updated_at: datetime
    failure: str | None
    failing_since: datetime | None


def _state(connection: Connection[TupleRow], row: _Row) -> ReaderState:
    unread, oldest, refusal = None, None, None
    try:
        found = lag(connection, row.position, accept_restore=not row.is_copy)
        unread, oldest = found.events, found.oldest_at
    except (*_REFUSALS, DatabaseUnavailableError) as error:  # a standby has no feed
        refusal = str(error)
    failure = row.failure or refusal
    return ReaderState(row.name, unread, oldest, row.updated_at, failure, row.failing_since)


@dataclass(frozen=True, slots=True)
class Behind:
    """What one reader has not read, told without counting."""

    oldest_unread_at: datetime | None
    """When the first event was applied that it has not read; None if it has read all."""
    failure: str | None
    """Why it cannot go on."""


def behind(connection: Connection[TupleRow], name: str) -> Behind | None:
    """Whether a reader is behind, in one look at the feed; None if there is no such reader."""
    with connection.cursor(row_factory=class_row(_Row)) as cursor:
        rows = cursor.execute(statement("list_feed_readers")).fetchall()
    for row in rows:
        if row.name == name:
            return _behind(connection, row)
    return None


def _behind(connection: Connection[TupleRow], row: _Row) -> Behind:
    try:
        page = read(
            connection, row.position, limit=1, accept_restore=not row.is_copy, contents=False
        )
    except (*_REFUSALS, DatabaseUnavailableError) as error:
        return Behind(None, row.failure or str(error))
    return Behind(page.events[0].applied_at if page.events else None, row.failure)


def behind_detached(connection: Connection[TupleRow]) -> list[str]:
    """The readers that may not have read all of the partitions that are detached."""
    with connection.cursor(row_factory=class_row(_Row)) as cursor:
        rows = cursor.execute(statement("list_feed_readers")).fetchall()
    return [row.name for row in rows if _is_behind_detached(connection, row)]


def _is_behind_detached(connection: Connection[TupleRow], row: _Row) -> bool:
    if row.position is None:
        return True
    try:
        read(connection, row.position, limit=1, accept_restore=not row.is_copy)
    except FeedGapError:
        return True
    except _REFUSALS:
        return False  # it cannot go on in any case
    return False
