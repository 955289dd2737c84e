"""Reviews: replies that wait for a reviewer. Here they are read; nothing is decided.

A review is pending until a reviewer approves or rejects it, or until it expires. What moves it:

- `posting.py`: an upstream posts a draft, or a new one for a rejected review.
- `claims.py`: a reviewer holds a review for as long as it is open there.
- `deciding.py`: a reviewer approves, rejects, or undoes that within some seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.pages import Page, key_of, page_of
from signoff_db.reviews.errors import UnknownReviewError
from signoff_db.sql import statement

MOST: Final = 200
"""The most reviews of a page."""
_COUNTED: Final = 100_001
"""Waiting reviews are counted up to this number."""


class ReviewState(StrEnum):
    """The states of a review."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Review:
    """One review."""

    interaction_id: UUID
    user_id: str
    customer_message: str | None
    draft_bubbles: list[str] | None
    context: dict[str, Any] | None
    priority: float
    received_at: datetime
    expires_at: datetime | None
    state: ReviewState
    claimed_by: str | None
    """Who holds it now; None if nobody does, or the lease has ended."""
    claimed_until: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    opened_at: datetime | None
    event_id: UUID | None
    reject_reason: str | None
    posted_by: str | None
    revision: int
    """Grows with each new draft and each undo."""
    undo_until: datetime | None
    """Until then the decision can be undone."""
    final: bool
    """Whether it is decided, and cannot be undone any more."""
    event: str | None
    """The approval event as JSON, if it was approved."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", ReviewState(self.state))


@dataclass(frozen=True, slots=True)
class ReviewSummary:
    """One review in a list."""

    interaction_id: UUID
    user_id: str
    message_beginning: str | None
    """The first 300 characters of the customer's message."""
    priority: float
    received_at: datetime
    expires_at: datetime | None
    state: ReviewState
    claimed_by: str | None
    claimed_until: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    event_id: UUID | None
    reject_reason: str | None
    revision: int
    skipped_until: datetime | None
    """Until then it is not offered to the reviewer who asks."""
    rank: datetime
    """Its place in the queue; the lowest is first."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", ReviewState(self.state))


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many reviews wait."""

    waiting: int
    held: int
    own: int
    """How many of those that are held the reviewer holds who asks."""
    capped: bool
    """Whether there are more than were counted."""


def find(connection: Connection[TupleRow], interaction_id: UUID) -> Review | None:
    """One review; None if there is none."""
    with connection.cursor(row_factory=class_row(Review)) as cursor:
        parameters = {"interaction_id": interaction_id}
        return cursor.execute(statement("reviews/read"), parameters).fetchone()


def get(connection: Connection[TupleRow], interaction_id: UUID) -> Review:
    """One review.

    Raises:
        UnknownReviewError: there is none.
    """
    review = find(connection, interaction_id)
    if review is None:
        raise UnknownReviewError(interaction_id)
    return review


def page(
    connection: Connection[TupleRow],
    state: ReviewState = ReviewState.PENDING,
    *,
    reviewer: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[ReviewSummary]:
    """A page of the reviews in a state: pending ones in the queue's order, others the latest first.

    Args:
        connection: in autocommit mode.
        state: which reviews.
        reviewer: for whom; the page says which ones they skipped.
        cursor: of the page before.
        limit: the most reviews, up to `MOST`.

    Raises:
        CursorError: the cursor is not one of this list.
    """
    size = max(1, min(limit, MOST))
    list_name = f"reviews {state}"
    moment, last = key_of(cursor, list_name, _place) or (None, None)
    if state is ReviewState.PENDING:
        parameters = {"reviewer": reviewer, "rank": moment, "id": last, "limit": size + 1}
        found = _summaries(connection, "reviews/page_of_waiting", parameters)
        return page_of(found, size, list_name, lambda one: _key(one.rank, one))
    parameters = {"state": str(state), "decided_at": moment, "id": last, "limit": size + 1}
    found = _summaries(connection, "reviews/page_of_decided", parameters)
    return page_of(found, size, list_name, lambda one: _key(one.decided_at, one))


def waiting(connection: Connection[TupleRow], reviewer: str | None = None) -> Waiting:
    """How many reviews wait; `reviewer` is who asks."""
    parameters = {"most": _COUNTED, "reviewer": reviewer}
    row = connection.execute(statement("reviews/count"), parameters).fetchone()
    if row is None:
        raise AssertionError
    return Waiting(min(row[0], _COUNTED - 1), row[1], row[2], capped=row[0] == _COUNTED)


def expire(connection: Connection[TupleRow]) -> int:
    """Let reviews expire that are not wanted any more and that nobody holds; returns how many.

    Whatever shows or hands out reviews calls it first.
    """
    return connection.execute(statement("reviews/expire")).rowcount


def _summaries(
    connection: Connection[TupleRow], name: LiteralString, parameters: dict[str, Any]
) -> Sequence[ReviewSummary]:
    with connection.cursor(row_factory=class_row(ReviewSummary)) as cursor:
        return cursor.execute(statement(name), parameters).fetchall()


def _key(moment: datetime | None, review: ReviewSummary) -> str:
    return f"{moment.isoformat() if moment else ''} {review.interaction_id}"


def _place(text: str) -> tuple[datetime, UUID]:
    moment, interaction_id = text.split(" ")
    at = datetime.fromisoformat(moment)
    if at.tzinfo is None:
        raise ValueError(text)
    return at, UUID(interaction_id)
