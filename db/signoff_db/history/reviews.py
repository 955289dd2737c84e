"""What happened to reviews: all decisions about one, and those of a customer that wait."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.sql import statement

MOST_DECISIONS: Final = 50


@dataclass(frozen=True, slots=True)
class PastDecision:
    """A decision about a review, which may have been undone."""

    id: UUID
    decision: str
    """`approved`, `rejected` or `expired`."""
    reviewer: str | None
    opened_at: datetime | None
    decided_at: datetime
    undone_at: datetime | None
    event_id: UUID | None
    reject_reason: str | None


@dataclass(frozen=True, slots=True)
class WaitingReview:
    """A review that waits for a decision."""

    interaction_id: UUID
    received_at: datetime
    claimed_by: str | None
    expired: bool


def decisions_about(connection: Connection[TupleRow], interaction_id: UUID) -> list[PastDecision]:
    """The newest `MOST_DECISIONS` decisions about a review, the newest first."""
    parameters = {"interaction_id": interaction_id, "limit": MOST_DECISIONS}
    with connection.cursor(row_factory=class_row(PastDecision)) as cursor:
        return cursor.execute(statement("history/review_decisions"), parameters).fetchall()


def waiting_of(
    connection: Connection[TupleRow], user_id: str, *, limit: int
) -> list[WaitingReview]:
    """The reviews of a customer that wait, the oldest first."""
    parameters = {"user_id": user_id, "limit": limit}
    with connection.cursor(row_factory=class_row(WaitingReview)) as cursor:
        return cursor.execute(statement("history/waiting_reviews"), parameters).fetchall()
