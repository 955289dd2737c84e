"""Reviews: post a draft, hold it, approve, reject or undo. Pages, API and commands call these.

What reviewers see around a review is in `review_desk.py`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from signoff_db.pages import Page
from signoff_db.reviews import adopting, claims, deciding, posting, reading
from signoff_db.reviews.adopting import Adopted, NoSuchColumnError
from signoff_db.reviews.claims import ASSIGNED_SECONDS, MOST_HELD, SKIP_SECONDS, ClaimedReview
from signoff_db.reviews.deciding import Body, Decided
from signoff_db.reviews.errors import (
    OutboxMissingError,
    ReviewChangedError,
    ReviewConflictError,
    ReviewDecidedError,
    ReviewHeldError,
    TooManyHeldError,
    UndoTooLateError,
    UnknownReviewError,
)
from signoff_db.reviews.posting import PostedReview, Posting
from signoff_db.reviews.reading import Review, ReviewState, ReviewSummary, Waiting
from signoff_ops.servers import Servers
from signoff_schemas import ReviewDraft

__all__ = [
    "ASSIGNED_SECONDS",
    "MOST_HELD",
    "SKIP_SECONDS",
    "Adopted",
    "Body",
    "ClaimedReview",
    "Decided",
    "NoSuchColumnError",
    "OutboxMissingError",
    "PostedReview",
    "Posting",
    "Review",
    "ReviewChangedError",
    "ReviewConflictError",
    "ReviewDecidedError",
    "ReviewHeldError",
    "ReviewState",
    "ReviewSummary",
    "TooManyHeldError",
    "UndoTooLateError",
    "UnknownReviewError",
    "Waiting",
    "adopt",
    "approve",
    "claim",
    "claim_ahead",
    "draft_of",
    "held_by",
    "keep_draft",
    "post_review",
    "reassign",
    "reject",
    "release",
    "renew",
    "review",
    "review_page",
    "skip",
    "take_over",
    "undo",
    "waiting_reviews",
]


def post_review(servers: Servers, draft: ReviewDraft, actor: str) -> PostedReview:
    """Post a draft; the same again is unchanged. `actor` is the upstream that posts it.

    Raises:
        ReviewConflictError: there is a review with other content, which cannot be replaced.
        InvalidReview: Postgres refuses a value.
        DatabaseUnavailableError: Postgres is unavailable; posting again is safe.
    """
    with servers.database() as connection:
        return posting.post(connection, draft, actor)


def adopt(servers: Servers, *, message: str | None = None, draft: str | None = None) -> Adopted:
    """Make reviews of the rows of `interactions` that wait for a reviewer; it may be repeated.

    Args:
        servers: where the table is.
        message: its column with the customer's message; None for the usual names.
        draft: its column with the proposed messages; likewise.

    Raises:
        NoSuchColumnError: a column that was named does not exist, or does not hold texts.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return adopting.adopt(connection, message=message, draft=draft)


def review_page(
    servers: Servers,
    reviewer: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
    *,
    state: ReviewState = ReviewState.PENDING,
) -> Page[ReviewSummary]:
    """A page of the reviews in a state: pending ones in the queue's order, others the latest first.

    Raises:
        CursorError: the cursor is not one of this list.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        reading.expire(connection)
        return reading.page(connection, state, reviewer=reviewer, cursor=cursor, limit=limit)


def waiting_reviews(servers: Servers, reviewer: str | None = None) -> Waiting:
    """How many reviews wait, and how many of them are held; `reviewer` is who asks.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        reading.expire(connection)
        return reading.waiting(connection, reviewer)


def review(servers: Servers, interaction_id: UUID) -> Review | None:
    """One review; None if there is none.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        reading.expire(connection)
        return reading.find(connection, interaction_id)


def claim(
    servers: Servers, interaction_id: UUID | None, reviewer: str, *, opened: bool = True
) -> ClaimedReview | None:
    """Hold a review, or the next one of the queue; None if none waits that the reviewer may have.

    `opened` is False for a review that is fetched before it is shown: claim it again then, so that
    the time of the review begins.

    Raises:
        UnknownReviewError, ReviewHeldError, ReviewDecidedError, TooManyHeldError: see
            `signoff_db.reviews.claims`.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    lease = servers.settings.review_lease_seconds
    with servers.database() as connection:
        if interaction_id is None:
            return claims.claim_next(connection, reviewer, lease=lease, opened=opened)
        return claims.claim(connection, interaction_id, reviewer, lease=lease, opened=opened)


def claim_ahead(
    servers: Servers, reviewer: str, besides: Sequence[UUID] = ()
) -> ClaimedReview | None:
    """Hold the next review before it is shown, first one that the reviewer holds unopened already.

    `besides` names those that the reviewer's living tabs have. None if none waits that the reviewer
    may have.

    Raises:
        TooManyHeldError: see `signoff_db.reviews.claims`.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        lease = servers.settings.review_lease_seconds
        return claims.claim_ahead(connection, reviewer, lease=lease, besides=besides)


def held_by(servers: Servers, reviewer: str) -> UUID | None:
    """The review that the reviewer holds, the one that was opened last; None if there is none.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return claims.held_by(connection, reviewer)


def renew(servers: Servers, interaction_id: UUID, reviewer: str) -> datetime:
    """Prolong a claim; returns until when. A desk does it a few times in each lease.

    Raises:
        UnknownReviewError, ReviewHeldError, ReviewDecidedError: the reviewer has lost it.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        lease = servers.settings.review_lease_seconds
        return claims.renew(connection, interaction_id, reviewer, lease=lease)


def release(servers: Servers, interaction_id: UUID, reviewer: str) -> bool:
    """Give a review back; returns whether the reviewer had it. What was typed is kept.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return claims.release(connection, interaction_id, reviewer)


def skip(servers: Servers, interaction_id: UUID, reviewer: str) -> None:
    """Give a review back, and do not offer it to this reviewer for `SKIP_SECONDS`.

    Raises:
        UnknownReviewError: there is no such review.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        claims.skip(connection, interaction_id, reviewer)


def keep_draft(
    servers: Servers, interaction_id: UUID, reviewer: str, draft: Mapping[str, Any]
) -> None:
    """Keep what a reviewer has typed so far; any JSON object, best with the fields of an approve.

    Raises:
        UnknownReviewError: there is no such review.
        InvalidReview: the draft is too large.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        claims.keep_draft(connection, interaction_id, reviewer, draft)


def draft_of(servers: Servers, interaction_id: UUID, reviewer: str) -> dict[str, Any] | None:
    """What a reviewer has typed; None if nothing was kept.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return claims.draft_of(connection, interaction_id, reviewer)


def approve(
    servers: Servers,
    interaction_id: UUID,
    reviewer: str,
    body: Body,
    *,
    revision: int | None = None,
) -> Decided:
    """Approve a review; its event is published once it cannot be undone any more.

    The same again gives the same answer. `revision` is the one that the reviewer saw: with it, a
    repetition that arrives after an undo, or after the draft was replaced, is refused.

    Raises:
        InvalidEvent: the body breaks the contract; every field is named.
        UnknownReviewError, ReviewHeldError, ReviewDecidedError, ReviewChangedError,
            OutboxMissingError: see `signoff_db.reviews.deciding`.
        DatabaseUnavailableError: Postgres is unavailable; approving again is safe.
    """
    with servers.database() as connection:
        return deciding.approve(
            connection,
            interaction_id,
            reviewer,
            body,
            undo=servers.settings.undo_seconds,
            revision=revision,
        )


def reject(
    servers: Servers,
    interaction_id: UUID,
    reviewer: str,
    reason: str,
    *,
    revision: int | None = None,
) -> Decided:
    """Reject a draft with a reason; its upstream may post another one.

    Raises:
        InvalidReview: the reason is blank or too long.
        UnknownReviewError, ReviewHeldError, ReviewDecidedError, ReviewChangedError: as `approve`.
        DatabaseUnavailableError: Postgres is unavailable; rejecting again is safe.
    """
    with servers.database() as connection:
        return deciding.reject(
            connection,
            interaction_id,
            reviewer,
            reason,
            undo=servers.settings.undo_seconds,
            revision=revision,
        )


def undo(servers: Servers, interaction_id: UUID, reviewer: str) -> ClaimedReview:
    """Take one's own decision back within `SIGNOFF_UNDO_SECONDS`; the reviewer holds it again.

    Raises:
        UndoTooLateError: the decision is final.
        UnknownReviewError, ReviewHeldError: see `signoff_db.reviews.deciding`.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        lease = servers.settings.review_lease_seconds
        return deciding.undo(connection, interaction_id, reviewer, lease=lease)


def take_over(servers: Servers, interaction_id: UUID, supervisor: str, actor: str) -> Review:
    """Take a review from whoever holds it; noted in `operator_actions` under `actor`.

    Raises:
        UnknownReviewError, ReviewDecidedError: see `signoff_db.reviews.claims`.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    return reassign(servers, interaction_id, supervisor, actor)


def reassign(servers: Servers, interaction_id: UUID, to: str, actor: str) -> Review:
    """Give a review to a reviewer, whoever holds it; noted in `operator_actions` under `actor`.

    It stays with that reviewer for `ASSIGNED_SECONDS`, and longer once it is open there.

    Raises:
        UnknownReviewError, ReviewDecidedError: see `signoff_db.reviews.claims`.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        lease = servers.settings.review_lease_seconds
        return claims.reassign(connection, interaction_id, to, actor, lease=lease)
