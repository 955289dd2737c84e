"""What the database says of a position of the feed before anything is read: may it be followed?"""

from dataclasses import dataclass, replace
from typing import LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.connection import DatabaseUnavailableError
from signoff_db.feed_position import Position, Snapshot
from signoff_db.sql import statement
from signoff_schemas import SignoffError


class FeedRestoredError(SignoffError):
    """The position is of another state of the ledger: the database was restored meanwhile."""


class FeedGapError(SignoffError):
    """Events that the reader has not read were detached from the ledger."""


@dataclass(frozen=True, slots=True)
class State:
    """What the database says before a page is read; see feed_state.sql."""

    id: UUID
    snapshot: str
    is_standby: bool
    is_restored: bool
    is_reached: bool
    last_found_in: str | None
    detached: int
    newest_detached: str | None

    @property
    def now(self) -> Snapshot:
        """The present snapshot."""
        return Snapshot.of_postgres(self.snapshot)

    @property
    def start(self) -> Position:
        """The position of a reader that has read nothing."""
        return Position(self.id, self.detached)


def state_at(
    connection: Connection[TupleRow],
    position: Position | None,
    name: LiteralString = "feed_state",
) -> State:
    """Ask for the state, with what is to be known of a position.

    `name` is the feed's statement.

    Raises:
        FeedRestoredError: there is no epoch.
    """
    snapshot = position and (position.target or position.done)
    parameters = {
        "read_up_to": snapshot and str(snapshot),
        "last_event": position and position.last_event,
        "detached": position.detached if position else 0,
    }
    with connection.cursor(row_factory=class_row(State)) as cursor:
        state = cursor.execute(statement(name), parameters).fetchone()
    if state is None:
        raise FeedRestoredError(
            "the table feed_epochs is empty; run `signoff migrate`, which begins a new epoch"
        )
    return state


def usable(state: State) -> State:
    """The state, if the feed can be read from this server.

    Raises:
        FeedRestoredError: it is to be migrated after a restore.
        DatabaseUnavailableError: it is a standby.
    """
    if state.is_standby:
        raise DatabaseUnavailableError(
            "this Postgres is a standby, which does not know all running transactions of its "
            "primary: the feed would have gaps; use the primary"
        )
    if state.is_restored:
        raise FeedRestoredError(
            "the database was restored from a dump, so its transaction ids begin anew; run "
            "`signoff migrate`, which begins a new epoch of the feed"
        )
    return state


def checked(state: State, position: Position, *, accept_restore: bool) -> Position:
    """The position as one of now.

    Raises:
        FeedRestoredError: the database was restored since the position was given.
        FeedGapError: events that follow the position were detached with a partition.
    """
    if position.feed != state.id and not accept_restore:
        raise FeedRestoredError(
            "the database was restored from a dump since this position was given: events that were "
            "read may be lost, or come again. Begin without a position, or say that you accept it "
            "(--accept-restore) to go on from here"
        )
    if not state.is_reached or not _is_last_found(state, position):
        raise FeedRestoredError(
            "the ledger does not hold what was read up to this position: the database was restored "
            "to an earlier time, or the position is of another database. Begin without a position"
        )
    if not _has_read_detached(state, position):
        raise FeedGapError(
            "a partition of the ledger was detached that held events behind this position: they "
            "are in no feed any more. Begin without a position, and read that partition by itself"
        )
    return replace(position, feed=state.id, detached=state.detached)


def _is_last_found(state: State, position: Position) -> bool:
    """Whether the last event is still in the ledger, or may be gone with a detached partition."""
    if position.last_event is None:
        return True
    if state.last_found_in is None:
        return state.detached > 0
    return state.last_found_in == str(position.last_in or "")


def _has_read_detached(state: State, position: Position) -> bool:
    """Whether all events of partitions that were detached meanwhile had been read for sure."""
    if state.detached <= position.detached:
        return True
    if position.done is None:
        return False
    if state.newest_detached is None:
        return True
    newest = int(state.newest_detached)
    target, last_in = position.target, position.last_in
    return position.done.xmin > newest or bool(
        target and last_in and target.xmin > newest and last_in > newest
    )
