"""What a supervisor sees: who holds what, how long reviews wait, what was decided and returned."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, LiteralString, TypeVar
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.reading import snapshot
from signoff_db.reviews.reading import Waiting, expire, waiting
from signoff_db.sql import statement

_MOST: Final = 200
_COUNTED: Final = 100_001
_AGES: Final = (
    "under 15 minutes",
    "15 minutes to 1 hour",
    "1 to 4 hours",
    "4 to 24 hours",
    "over a day",
)
"""What the counts of `waiting_by_age.sql` are of."""
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class HeldReview:
    """A review that somebody holds."""

    interaction_id: UUID
    user_id: str
    claimed_by: str
    claimed_until: datetime
    opened_at: datetime | None
    """None if it was fetched or assigned, and not opened yet."""
    received_at: datetime
    priority: float


@dataclass(frozen=True, slots=True)
class DecidedToday:
    """What one reviewer has decided since midnight UTC."""

    reviewer: str
    approved: int
    rejected: int
    median_review_time: timedelta | None
    """From opening to decision."""


@dataclass(frozen=True, slots=True)
class ReturnedDraft:
    """A draft that was rejected."""

    interaction_id: UUID
    user_id: str
    reviewer: str
    decided_at: datetime
    reject_reason: str
    posted_again: bool
    """Whether the upstream has posted another one since."""


@dataclass(frozen=True, slots=True)
class Supervision:
    """All of it, of one moment."""

    waiting: Waiting
    by_age: tuple[tuple[str, int], ...]
    """How many reviews have waited for how long, the youngest first."""
    held: tuple[HeldReview, ...]
    decided_today: tuple[DecidedToday, ...]
    returned: tuple[ReturnedDraft, ...]
    """The last ones of seven days, the latest first."""


def supervise(connection: Connection[TupleRow]) -> Supervision:
    """What a supervisor sees."""
    expire(connection)
    with snapshot(connection):
        ages = connection.execute(
            statement("reviews/waiting_by_age"), {"most": _COUNTED}
        ).fetchone()
        return Supervision(
            waiting(connection),
            tuple(zip(_AGES, ages or (), strict=True)),
            _rows(connection, HeldReview, "reviews/held"),
            _rows(connection, DecidedToday, "reviews/decided_today"),
            _rows(connection, ReturnedDraft, "reviews/returned"),
        )


def _rows(
    connection: Connection[TupleRow], kind: type[Row], name: LiteralString
) -> tuple[Row, ...]:
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return tuple(cursor.execute(statement(name), {"most": _MOST}).fetchall())
