"""A reviewer holds a review: a lease, which the desk renews for as long as the review is open.

A lease that ends gives the review back by itself, so an abandoned one is never lost. What a
reviewer has typed is kept for each reviewer apart, whoever holds the review.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.operator_actions import Action, note
from signoff_db.record_dead_letters import storable
from signoff_db.reviews.errors import (
    ReviewDecidedError,
    ReviewHeldError,
    TooManyHeldError,
    UnknownReviewError,
)
from signoff_db.reviews.reading import Review, ReviewState, expire, get
from signoff_db.sql import statement
from signoff_schemas import InvalidReview

SKIP_SECONDS: Final = 900
"""For how long a skipped review is not offered to the reviewer who skipped it."""
ASSIGNED_SECONDS: Final = 900
"""The least lease of a review that was assigned: its new holder does not know of it yet."""
MOST_HELD: Final = 50
"""Reviews that one name may hold: nobody takes the whole queue from the others."""
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class ClaimedReview:
    """A review that its reviewer holds."""

    review: Review
    draft: dict[str, Any] | None
    """What this reviewer has typed before; None if nothing was kept."""


def claim(
    connection: Connection[TupleRow],
    interaction_id: UUID,
    reviewer: str,
    *,
    lease: float,
    opened: bool = True,
) -> ClaimedReview:
    """Take a review, or prolong one's own lease.

    Args:
        connection: in autocommit mode.
        interaction_id: which review.
        reviewer: who takes it.
        lease: for how many seconds.
        opened: whether the reviewer sees it now, so that the time of the review begins. A desk that
            fetches a review beforehand says False, and claims it again when it shows it.

    Raises:
        UnknownReviewError: there is no such review.
        ReviewHeldError: another reviewer holds it.
        ReviewDecidedError: it is decided, or has expired.
        TooManyHeldError: the reviewer holds `MOST_HELD` others.
    """
    expire(connection)
    _require_room(connection, named(reviewer), interaction_id)
    parameters = {
        "interaction_id": interaction_id,
        "reviewer": reviewer,
        "lease": lease,
        "opened": opened,
    }
    review = _claimed(connection, parameters)
    if review is None:
        # Between the claim and this look, whoever held it may have given it back.
        present = get(connection, interaction_id)
        review = None if _is_taken(present) else _claimed(connection, parameters)
        if review is None:
            raise refusal(get(connection, interaction_id))
    return ClaimedReview(review, draft_of(connection, interaction_id, reviewer))


def _claimed(connection: Connection[TupleRow], parameters: Mapping[str, object]) -> Review | None:
    with connection.cursor(row_factory=class_row(Review)) as cursor:
        return cursor.execute(statement("reviews/claim"), parameters).fetchone()


def _require_room(
    connection: Connection[TupleRow], reviewer: str, interaction_id: UUID | None
) -> None:
    parameters = {"reviewer": reviewer, "interaction_id": interaction_id}
    row = connection.execute(statement("reviews/count_held_by"), parameters).fetchone()
    if row is not None and row[0] >= MOST_HELD:
        raise TooManyHeldError(reviewer, MOST_HELD)


def _is_taken(review: Review) -> bool:
    return review.claimed_by is not None or review.state is not ReviewState.PENDING


def claim_next(
    connection: Connection[TupleRow], reviewer: str, *, lease: float, opened: bool = True
) -> ClaimedReview | None:
    """Take the first review of the queue that nobody holds; None if there is none.

    Args: as `claim`. A review that the reviewer holds already is not the next one.

    Raises:
        TooManyHeldError: as `claim`.
    """
    expire(connection)
    _require_room(connection, named(reviewer), None)
    connection.execute(statement("reviews/forget_skips"), {"reviewer": reviewer})
    connection.execute(statement("reviews/forget_drafts"))
    parameters = {"reviewer": reviewer, "lease": lease, "opened": opened}
    return _with_draft(connection, "reviews/claim_next", parameters)


def claim_ahead(
    connection: Connection[TupleRow], reviewer: str, *, lease: float, besides: Sequence[UUID] = ()
) -> ClaimedReview | None:
    """Take the next review before it is shown; None if there is none.

    A review that the reviewer holds and has not opened comes first, such as one that was assigned,
    or fetched by a browser that died. `besides`: other ones, which living tabs have.

    Raises:
        TooManyHeldError: as `claim`.
    """
    parameters = {"reviewer": named(reviewer), "lease": lease, "besides": list(besides)}
    held = _with_draft(connection, "reviews/claim_held", parameters)
    return held or claim_next(connection, reviewer, lease=lease, opened=False)


def _with_draft(
    connection: Connection[TupleRow], name: LiteralString, parameters: Mapping[str, object]
) -> ClaimedReview | None:
    """The review that a statement claims for a reviewer, with what they have typed."""
    with connection.cursor(row_factory=class_row(Review)) as cursor:
        claimed = cursor.execute(statement(name), parameters).fetchone()
    if claimed is None:
        return None
    draft = draft_of(connection, claimed.interaction_id, str(parameters["reviewer"]))
    return ClaimedReview(claimed, draft)


def renew(
    connection: Connection[TupleRow], interaction_id: UUID, reviewer: str, *, lease: float
) -> datetime:
    """Prolong a claim, also one whose lease has just ended; returns until when.

    Raises:
        UnknownReviewError, ReviewHeldError, ReviewDecidedError: as `claim`.
    """
    parameters = {"interaction_id": interaction_id, "reviewer": named(reviewer), "lease": lease}
    row = connection.execute(statement("reviews/renew"), parameters).fetchone()
    if row is not None:
        until: datetime = row[0]
        return until
    claimed = claim(connection, interaction_id, reviewer, lease=lease).review.claimed_until
    if claimed is None:  # a lease that has ended at once
        raise UnknownReviewError(interaction_id)
    return claimed


def release(connection: Connection[TupleRow], interaction_id: UUID, reviewer: str) -> bool:
    """Give a review back; returns whether the reviewer had it. What was typed is kept."""
    parameters = {"interaction_id": interaction_id, "reviewer": named(reviewer)}
    return connection.execute(statement("reviews/release"), parameters).rowcount > 0


def skip(connection: Connection[TupleRow], interaction_id: UUID, reviewer: str) -> None:
    """Give a review back, and do not offer it to this reviewer for `SKIP_SECONDS`.

    Raises:
        UnknownReviewError: there is no such review.
    """
    parameters = {
        "interaction_id": interaction_id,
        "reviewer": named(reviewer),
        "seconds": SKIP_SECONDS,
    }
    with connection.transaction():
        get(connection, interaction_id)
        release(connection, interaction_id, reviewer)
        connection.execute(statement("reviews/skip"), parameters)


def keep_draft(
    connection: Connection[TupleRow], interaction_id: UUID, reviewer: str, draft: Mapping[str, Any]
) -> None:
    """Keep what a reviewer has typed; whoever holds the review.

    Raises:
        UnknownReviewError: there is no such review.
        InvalidReview: the draft is larger than 128 KiB, or holds what JSON cannot.
    """
    parameters = {"interaction_id": interaction_id, "reviewer": named(reviewer)}
    try:
        connection.execute(
            statement("reviews/keep_draft"), {**parameters, "draft": storable(dict(draft))}
        )
    except psycopg.errors.ForeignKeyViolation:
        raise UnknownReviewError(interaction_id) from None
    except (psycopg.DataError, psycopg.errors.CheckViolation):
        raise InvalidReview.of(
            "", "a draft is a JSON object of finite values, at most 128 KiB", "draft"
        ) from None


def draft_of(
    connection: Connection[TupleRow], interaction_id: UUID, reviewer: str
) -> dict[str, Any] | None:
    """What a reviewer has typed; None if nothing was kept."""
    parameters = {"interaction_id": interaction_id, "reviewer": reviewer}
    row = connection.execute(statement("reviews/read_draft"), parameters).fetchone()
    return None if row is None else dict(row[0])


def held_by(connection: Connection[TupleRow], reviewer: str) -> UUID | None:
    """The review that the reviewer holds, the one that was opened last; None if there is none."""
    row = connection.execute(statement("reviews/held_by"), {"reviewer": reviewer}).fetchone()
    return None if row is None else row[0]


def reassign(
    connection: Connection[TupleRow], interaction_id: UUID, to: str, actor: str, *, lease: float
) -> Review:
    """Give a pending review to a reviewer, whoever holds it; noted in `operator_actions`.

    Raises:
        UnknownReviewError: there is no such review.
        ReviewDecidedError: it is decided, or has expired.
    """
    named(to)
    with connection.transaction():
        before = lock(connection, interaction_id)
        if before.state is not ReviewState.PENDING:
            raise refusal(before)
        parameters = {
            "interaction_id": interaction_id,
            "reviewer": to,
            "seconds": max(lease, ASSIGNED_SECONDS),
        }
        connection.execute(statement("reviews/reassign"), parameters)
        change = {"interaction_id": str(interaction_id)}
        note(
            connection,
            actor,
            Action.REASSIGN,
            [],
            None,
            before={**change, "claimed_by": before.claimed_by},
            after={**change, "claimed_by": to},
        )
        return get(connection, interaction_id)


def lock(connection: Connection[TupleRow], interaction_id: UUID) -> Review:
    """The review as it is, until the transaction ends.

    It is read after it is locked: a statement that waits for a lock does not see what else was
    committed meanwhile.

    Raises:
        UnknownReviewError: there is none.
    """
    connection.execute(statement("reviews/lock"), {"interaction_id": interaction_id})
    return get(connection, interaction_id)


def refusal(review: Review) -> ReviewHeldError | ReviewDecidedError:
    """Why a reviewer cannot have this review."""
    if review.decided_at is not None:
        return ReviewDecidedError(
            review.interaction_id, review.state, review.decided_by, review.decided_at
        )
    holder, until = review.claimed_by, review.claimed_until
    if holder is None or until is None:  # given back between two looks: the next try has it
        return ReviewHeldError(review.interaction_id, "another reviewer", review.received_at)
    return ReviewHeldError(review.interaction_id, holder, until)


def named(reviewer: str) -> str:
    """The reviewer's name, if it can be one.

    Raises:
        InvalidReview: it is empty, too long, or holds a NUL character.
    """
    if not reviewer.strip() or len(reviewer) > _LONGEST_NAME or "\0" in reviewer:
        raise InvalidReview.of(
            "reviewer", "must hold 1 to 200 characters that are not blank", "reviewer"
        )
    return reviewer
