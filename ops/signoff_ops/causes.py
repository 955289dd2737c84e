"""Open dead letters by cause: what fails, how many, since when, and whom it touches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db import causes, dead_letters, reading
from signoff_db.causes import CauseOrder, Group, Groups, Touched, Trend
from signoff_db.dead_letters import DeadLetter, FullLetter
from signoff_db.letter_search import CutOffError, at_most
from signoff_db.selection import Selection
from signoff_ops.servers import Servers
from signoff_schemas import DeadLetterState

_PARTS: Final = 32
"""Parts of a cause's chart."""
_LOOKED_AT: Final = 100
"""Letters of each cause of a list whose customers are counted …"""
_LOOKED_AT_OF_ONE: Final = 5000
"""… and of a cause that is shown alone."""
_SETTLED: Final = 10
SETTLED_LOOKED_AT: Final = 20_000
"""Settled letters among which those of a cause are looked for, since no index holds them."""
_SETTLED_SECONDS: Final = 0.15
"""How long that may take."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause in a list."""

    group: Group
    trend: Trend
    touched: Touched


@dataclass(frozen=True, slots=True)
class Causes:
    """A page of causes."""

    causes: tuple[Cause, ...]
    next: str | None
    total: int
    """How many causes there are in all."""
    letters: int
    """How many open letters these have."""


@dataclass(frozen=True, slots=True)
class CauseDetails:
    """All that is known of a cause."""

    fingerprint: str
    cause: Cause | None
    """None if it has no open letter."""
    sample: FullLetter | None
    """Its newest letter: an open one, if there is one; else one that was settled."""
    settled: tuple[DeadLetter, ...] | None
    """The newest of those that were settled; None if looking for them took too long."""
    settled_complete: bool
    """Whether all settled letters were looked at, or only the newest 20,000."""
    resolved: tuple[int, int] | None
    """Of those letters, how many were resolved, and how many of these since their events arrived
    again; None if counting took too long."""

    @property
    def is_unknown(self) -> bool:
        """Whether no letter has this cause, for certain."""
        return self.cause is None and self.settled == () and self.settled_complete


@dataclass(frozen=True, slots=True)
class LookedAt:
    """The events that were applied: what an empty list of dead letters is to be seen beside."""

    applied: int
    is_estimate: bool
    last_applied_at: datetime | None


def groups(servers: Servers, selection: Selection) -> Groups:
    """The hundred biggest groups of open dead letters of one cause.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return causes.groups(connection, selection)


def groups_page(
    servers: Servers,
    selection: Selection,
    *,
    order: CauseOrder = CauseOrder.SIZE,
    limit: int = 100,
    cursor: str | None = None,
) -> Groups:
    """A page of the open dead letters by cause.

    Raises:
        CursorError: the cursor is not one of this list in this order.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return causes.groups(connection, selection, order=order, limit=limit, cursor=cursor)


def causes_page(
    servers: Servers,
    selection: Selection,
    *,
    order: CauseOrder = CauseOrder.SIZE,
    limit: int = 50,
    cursor: str | None = None,
) -> Causes:
    """The same with how each grew, and whom it touches.

    Raises:
        CursorError: the cursor is not one of this list in this order.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        found = causes.groups(connection, selection, order=order, limit=limit, cursor=cursor)
        listed = _described(connection, found.groups, most=_LOOKED_AT)
    return Causes(tuple(listed), found.next, found.causes, found.letters)


def group(servers: Servers, fingerprint: str) -> Group | None:
    """The open letters of one cause; None if there are none.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    return next(iter(groups(servers, Selection(fingerprint=fingerprint)).groups), None)


def cause(servers: Servers, fingerprint: str) -> CauseDetails:
    """One cause with a sample, and its letters that were settled.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    selection = Selection(fingerprint=fingerprint)
    with servers.database() as connection:
        found = causes.groups(connection, selection).groups
        described = next(iter(_described(connection, found, most=_LOOKED_AT_OF_ONE)), None)
        settled, complete = _settled(connection, fingerprint)
        resolved = _resolved(connection, fingerprint) if settled else (0, 0)
        newest = [found[0].sample_id] if found else [one.id for one in settled or ()][:1]
        sample = dead_letters.get_letter(connection, newest[0]) if newest else None
    return CauseDetails(fingerprint, described, sample, settled, complete, resolved)


def looked_at(servers: Servers) -> LookedAt:
    """How many events were applied, and when the last one was.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        overview = reading.overview(connection)
    return LookedAt(overview.applied, overview.applied_is_estimate, overview.last_applied_at)


def _described(
    connection: Connection[TupleRow], found: Sequence[Group], *, most: int
) -> list[Cause]:
    if not found:
        return []
    grew = causes.trends(connection, found, datetime.now(UTC), parts=_PARTS)
    whom = causes.touched(connection, [one.fingerprint for one in found], most=most)
    return [Cause(one, grew[one.fingerprint], whom[one.fingerprint]) for one in found]


def _resolved(connection: Connection[TupleRow], fingerprint: str) -> tuple[int, int] | None:
    try:
        with at_most(connection, _SETTLED_SECONDS):
            return causes.resolved_of(connection, fingerprint, most=SETTLED_LOOKED_AT)
    except CutOffError:
        return None


def _settled(
    connection: Connection[TupleRow], fingerprint: str
) -> tuple[tuple[DeadLetter, ...] | None, bool]:
    try:
        with at_most(connection, _SETTLED_SECONDS):
            ids, complete = causes.settled_of(
                connection, fingerprint, most=SETTLED_LOOKED_AT, limit=_SETTLED
            )
    except CutOffError:
        return None, False
    everywhere = Selection(ids=tuple(ids), states=tuple(DeadLetterState))
    found = dead_letters.list_letters(connection, everywhere, limit=_SETTLED).items if ids else ()
    return found, complete
