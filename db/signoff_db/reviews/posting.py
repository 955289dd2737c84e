"""An upstream posts a draft for review; posting is idempotent by the interaction's id.

- The first draft of an interaction is created; the same again is unchanged.
- Another draft replaces one that waits and that nobody holds, if the same upstream posted that.
- Another draft for a review that was rejected, or that has expired, begins a new review.
- Anything else is a conflict: an approved reply, a draft that is open with a reviewer.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.record_dead_letters import storable
from signoff_db.reviews.claims import lock
from signoff_db.reviews.errors import ReviewConflictError
from signoff_db.reviews.reading import Review, ReviewState, expire, get
from signoff_db.sql import statement
from signoff_schemas import InvalidReview, ReviewDraft


class Posting(StrEnum):
    """What a post did."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"
    """Another draft waits in the place of the first one."""
    REOPENED = "reopened"
    """The review was rejected or had expired, and waits again."""


@dataclass(frozen=True, slots=True)
class PostedReview:
    """The answer to a post."""

    posting: Posting
    review: Review


def post(connection: Connection[TupleRow], draft: ReviewDraft, actor: str) -> PostedReview:
    """Post a draft; `actor` is the upstream that posts it.

    Raises:
        ReviewConflictError: there is a review with other content, which cannot be replaced.
        InvalidReview: Postgres refuses a value; nothing was written.
    """
    expire(connection)
    parameters = _parameters(draft, actor)
    try:
        with connection.transaction():
            posting = _post(connection, draft, parameters)
            return PostedReview(posting, get(connection, draft.interaction_id))
    except psycopg.errors.CheckViolation as error:
        constraint = error.diag.constraint_name or ""
        raise InvalidReview.of(
            constraint.removeprefix("reviews_").rpartition("_")[0],
            f"is more than the table reviews holds ({constraint})",
            "refused_by_database",
        ) from None


def _post(
    connection: Connection[TupleRow], draft: ReviewDraft, parameters: dict[str, Any]
) -> Posting:
    if connection.execute(statement("reviews/post"), parameters).fetchone():
        return Posting.CREATED
    review = lock(connection, draft.interaction_id)
    if connection.execute(statement("reviews/compare"), parameters).fetchone() == (True,):
        return Posting.UNCHANGED
    if review.user_id != draft.user_id:
        raise ReviewConflictError(draft.interaction_id, "belongs to another user_id")
    match review.state:
        case ReviewState.PENDING:
            _require_replaceable(review, parameters["posted_by"])
            connection.execute(statement("reviews/replace"), parameters)
            return Posting.REPLACED
        case ReviewState.APPROVED:
            raise ReviewConflictError(
                draft.interaction_id,
                f"was approved by {review.decided_by} with another draft; a new reply is a new "
                "interaction",
            )
        case _:
            connection.execute(statement("reviews/reopen"), parameters)
            connection.execute(statement("reviews/forget_drafts_of"), parameters)
            return Posting.REOPENED


def _require_replaceable(review: Review, actor: str) -> None:
    if review.claimed_by is not None:
        raise ReviewConflictError(
            review.interaction_id,
            f"is open with {review.claimed_by}, with another draft; wait for the decision",
        )
    if review.posted_by not in {None, actor}:
        raise ReviewConflictError(
            review.interaction_id, f"waits with another draft, which {review.posted_by} posted"
        )


def _parameters(draft: ReviewDraft, actor: str) -> dict[str, Any]:
    return {
        "interaction_id": draft.interaction_id,
        "user_id": draft.user_id,
        "customer_message": draft.customer_message,
        "draft_bubbles": list(draft.draft_bubbles),
        "context": None if draft.context is None else storable(draft.context),
        "priority": draft.priority,
        "expires_at": draft.expires_at,
        "posted_by": actor,
    }
