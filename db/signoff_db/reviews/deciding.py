"""A reviewer decides about a review: one transaction, and final after some seconds.

An approval is put into the outbox of this database in the same transaction; relays publish it once
it is final. So it is kept while Redis is away, and an undo only has to remove it there.

Deciding again what was decided, with the same content, gives the same answer: a double click, a
network retry and two tabs make one approval. Another content is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.reviews.claims import ClaimedReview, draft_of, keep_draft, lock, named, refusal
from signoff_db.reviews.errors import (
    OutboxMissingError,
    ReviewChangedError,
    UndoTooLateError,
)
from signoff_db.reviews.reading import Review, ReviewState, expire, get
from signoff_db.sql import statement
from signoff_schemas import ApprovalEvent, InvalidEvent, InvalidReview, approval_of, content_hash
from signoff_schemas.review import body_of

Body = Mapping[str, Any] | bytes
"""What an approve gives: a mapping of JSON-like values, or JSON."""
_LONGEST_REASON: Final = 500


@dataclass(frozen=True, slots=True)
class Decided:
    """The answer to a decision; repeating the decision gives the same."""

    interaction_id: UUID
    user_id: str
    state: ReviewState
    decided_by: str
    decided_at: datetime
    opened_at: datetime | None
    undo_until: datetime
    """Until then it can be undone; then an approval is published."""
    event_id: UUID | None
    """The approval event's id."""
    event: str | None
    """The approval event as JSON."""
    reject_reason: str | None

    @property
    def review_time(self) -> timedelta | None:
        """From opening to decision."""
        return None if self.opened_at is None else self.decided_at - self.opened_at


def approve(
    connection: Connection[TupleRow],
    interaction_id: UUID,
    reviewer: str,
    body: Body,
    *,
    undo: float,
    revision: int | None = None,
) -> Decided:
    """Approve a review, and put its event into the outbox.

    Args:
        connection: in autocommit mode.
        interaction_id: which review. The reviewer may hold it or not; nobody else may.
        reviewer: who approves.
        body: what `APPROVE_FIELDS` names.
        undo: for how many seconds it can be undone.
        revision: the one that the reviewer saw; None if that is not to be checked.

    Raises:
        InvalidEvent: the body breaks the contract of approvals; every field is named.
        UnknownReviewError: there is no such review.
        ReviewHeldError: another reviewer holds it.
        ReviewDecidedError: it was decided in another way, or by another reviewer.
        ReviewChangedError: the reviewer saw another draft, or the decision was undone since.
        OutboxMissingError: the database has no outbox.
    """
    named(reviewer)
    expire(connection)
    with connection.transaction():
        review = lock(connection, interaction_id)
        if review.state is not ReviewState.PENDING:
            return _same_approval(review, reviewer, body)
        _require_free(review, reviewer, revision)
        decided_at = _now(connection)
        event = approval_of(
            body,
            event_id=uuid4(),
            occurred_at=decided_at,
            interaction_id=interaction_id,
            user_id=review.user_id,
            reviewer_id=reviewer,
        )
        canonical = event.canonical_json()
        _put_into_outbox(connection, canonical, decided_at + timedelta(seconds=undo))
        keep_draft(connection, interaction_id, reviewer, body_of(canonical.decode()))
        return _decide(
            connection, review, reviewer, decided_at=decided_at, undo_seconds=undo, event=event
        )


def reject(
    connection: Connection[TupleRow],
    interaction_id: UUID,
    reviewer: str,
    reason: str,
    *,
    undo: float,
    revision: int | None = None,
) -> Decided:
    """Reject a draft; its upstream may post another one.

    Args:
        connection: in autocommit mode.
        interaction_id: which review, as for `approve`.
        reviewer: who rejects.
        reason: what the upstream reads, 1 to 500 characters.
        undo: for how many seconds it can be undone.
        revision: as for `approve`.

    Raises:
        InvalidReview: the reason is blank or too long.
        UnknownReviewError, ReviewHeldError, ReviewDecidedError, ReviewChangedError: as `approve`.
    """
    named(reviewer)
    _check_reason(reason)
    expire(connection)
    with connection.transaction():
        review = lock(connection, interaction_id)
        if review.state is not ReviewState.PENDING:
            if (review.decided_by, review.reject_reason) == (reviewer, reason):
                return _decided(review)
            raise refusal(review)
        _require_free(review, reviewer, revision)
        return _decide(
            connection,
            review,
            reviewer,
            decided_at=_now(connection),
            undo_seconds=undo,
            reason=reason,
        )


def undo(
    connection: Connection[TupleRow], interaction_id: UUID, reviewer: str, *, lease: float
) -> ClaimedReview:
    """Take one's own decision back; the reviewer holds the review again, with what was typed.

    Undoing twice is the same as once.

    Raises:
        UnknownReviewError: there is no such review.
        UndoTooLateError: the decision is final, or it is not this reviewer's.
        ReviewHeldError: it was undone, and another reviewer holds the review since.
    """
    with connection.transaction():
        review = lock(connection, interaction_id)
        if review.state is ReviewState.PENDING:
            if review.claimed_by not in {None, reviewer}:
                raise refusal(review)
            if review.claimed_by is None or not _was_undone(connection, interaction_id):
                raise UndoTooLateError(
                    interaction_id,
                    "there is none; its review waits for one, maybe since another draft was posted",
                )
            return ClaimedReview(review, draft_of(connection, interaction_id, reviewer))
        _require_own(review, reviewer)
        parameters = {"interaction_id": interaction_id, "reviewer": reviewer, "lease": lease}
        connection.execute(statement("reviews/lock_decision"), parameters)
        taken_back = review.event_id is None or _take_back(connection, review.event_id)
        if not taken_back or not connection.execute(statement("reviews/undo"), parameters).rowcount:
            raise UndoTooLateError(
                interaction_id, "the time for undoing it is over, and it may be on its way already"
            )
        undone = get(connection, interaction_id)
    return ClaimedReview(undone, draft_of(connection, interaction_id, reviewer))


def _was_undone(connection: Connection[TupleRow], interaction_id: UUID) -> bool:
    """Whether its last decision was taken back, and not followed by another draft."""
    parameters = {"interaction_id": interaction_id}
    return connection.execute(statement("reviews/was_undone"), parameters).fetchone() == (True,)


def _require_own(review: Review, reviewer: str) -> None:
    if review.decided_by != reviewer:
        by = review.decided_by or "nobody: it expired"
        raise UndoTooLateError(
            review.interaction_id, f"only who decided it can undo it, and that was {by}"
        )


def _require_free(review: Review, reviewer: str, revision: int | None) -> None:
    """Check that the reviewer may decide, and saw what is there now."""
    if review.claimed_by not in {None, reviewer}:
        raise refusal(review)
    if revision is not None and revision != review.revision:
        raise ReviewChangedError(review.interaction_id, revision, review.revision)


def _same_approval(review: Review, reviewer: str, body: Body) -> Decided:
    """The answer of the approval that was made already, if it has the same content."""
    if review.event is not None and review.decided_by == reviewer and review.event_id is not None:
        held = ApprovalEvent.parse(review.event)
        try:
            again = approval_of(
                body,
                event_id=held.event_id,
                occurred_at=held.occurred_at,
                interaction_id=held.interaction_id,
                user_id=review.user_id,
                reviewer_id=reviewer,
            )
        except InvalidEvent:
            raise refusal(review) from None
        if again == held:
            return _decided(review)
    raise refusal(review)


def _decide(
    connection: Connection[TupleRow],
    review: Review,
    reviewer: str,
    *,
    decided_at: datetime,
    undo_seconds: float,
    event: ApprovalEvent | None = None,
    reason: str | None = None,
) -> Decided:
    """Note an approval, which has an event, or a rejection, which has a reason."""
    decision = ReviewState.REJECTED if event is None else ReviewState.APPROVED
    connection.execute(
        statement("reviews/decide"),
        {
            "interaction_id": review.interaction_id,
            "reviewer": reviewer,
            "decision": str(decision),
            "decided_at": decided_at,
            "undo": undo_seconds,
            "event_id": event and event.event_id,
            "event": event and event.canonical_json().decode(),
            "reason": reason,
        },
    )
    return _decided(get(connection, review.interaction_id))


def _put_into_outbox(
    connection: Connection[TupleRow], canonical_json: bytes, due_at: datetime
) -> None:
    """Add the event as `outbox.add` does, to be published from a time on."""
    parameters = [canonical_json.decode(), content_hash(canonical_json), due_at]
    try:
        row = connection.execute("SELECT signoff_outbox_add(%s, %s, %s)", parameters).fetchone()
    except psycopg.errors.UndefinedColumn:  # an earlier release made the table
        raise OutboxMissingError from None
    if row != (True,):
        raise OutboxMissingError


def _take_back(connection: Connection[TupleRow], event_id: UUID) -> bool:
    row = connection.execute("SELECT signoff_outbox_take_back(%s)", [event_id]).fetchone()
    return row == (True,)


def _now(connection: Connection[TupleRow]) -> datetime:
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    if row is None:
        raise AssertionError
    moment: datetime = row[0]
    return moment.astimezone(UTC)


def _decided(review: Review) -> Decided:
    if review.decided_by is None or review.decided_at is None:
        raise AssertionError
    return Decided(
        review.interaction_id,
        review.user_id,
        review.state,
        review.decided_by,
        review.decided_at,
        review.opened_at,
        review.undo_until or review.decided_at,
        review.event_id,
        review.event,
        review.reject_reason,
    )


def _check_reason(reason: str) -> None:
    if not reason.strip() or len(reason) > _LONGEST_REASON or "\0" in reason:
        raise InvalidReview.of(
            "reason",
            f"must hold 1 to {_LONGEST_REASON} characters that are not blank",
            "reason",
            None if not reason else f"{len(reason)} characters",
        )
