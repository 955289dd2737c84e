"""What the facts were computed with: if that changes, they are rebuilt."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.sql import statement
from signoff_insight.report import Reach
from signoff_insight.touched.tracking import Tracking

DEFINITIONS: Final = 6
"""To be raised when the facts of the same ledger, or the tables that hold them, become others."""
PACKAGE: Final = "signoff_insight"
LATE_DAYS: Final = 2
"""So many days before the latest event count as not complete: events arrive late."""
_EARLIEST: Final = datetime(10, 1, 1, tzinfo=UTC)
"""An event before it has a wrong clock; days are counted back from the latest event of all."""


@dataclass(frozen=True, slots=True)
class State:
    """The row of `insight_state`."""

    timezone: str
    definitions: int
    detached: int
    rebuilt_upto: str | None
    customers_rebuilt: int
    customers_to_rebuild: int
    rebuilt_at: datetime | None
    data_until: datetime | None
    detached_now: int
    has_position: bool
    """Whether the reader's position in the feed is there; an operator may have deleted it."""
    tracking: int
    """Which changes without an event are noted for the reader: a `Tracking`."""
    is_kept: bool
    """Whether a process has kept the facts in the last minutes."""

    def fits(self, timezone: str) -> bool:
        """Whether facts that are kept from now on fit to those that are there."""
        is_whole = self.has_position and self.detached == self.detached_now
        return is_whole and self.tracking == Tracking.COMPLETE and self.has_settings(timezone)

    def has_settings(self, timezone: str) -> bool:
        """Whether the facts are those of this time zone and this release."""
        return (self.timezone, self.definitions) == (timezone, DEFINITIONS)


def state_of(connection: Connection[TupleRow]) -> State | None:
    """The state; None if the facts were never built."""
    with connection.cursor(row_factory=class_row(State)) as cursor:
        return cursor.execute(statement("facts/state", PACKAGE)).fetchone()


def reach_of(connection: Connection[TupleRow], timezone: str) -> Reach:
    """How far the facts reach; `timezone` is said where none were built yet."""
    state = state_of(connection)
    until = max(state.data_until, _EARLIEST) if state and state.data_until else None
    zone = state.timezone if state else timezone
    return Reach(zone, until, _provisional(until, zone), _rebuilt(state))


def _provisional(until: datetime | None, timezone: str) -> date | None:
    if until is None:
        return None
    return until.astimezone(ZoneInfo(timezone)).date() - timedelta(days=LATE_DAYS)


def _rebuilt(state: State | None) -> float | None:
    if state is None:
        return 0.0
    if state.rebuilt_at is not None:
        return None
    return state.customers_rebuilt / max(state.customers_to_rebuild, state.customers_rebuilt, 1)
