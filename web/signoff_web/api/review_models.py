"""The shapes of what the routes of reviews take and answer, for the API's description."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from signoff_ops.reviews import Posting, ReviewState
from signoff_web.api.models import Model, Money, Status


class Review(Model):
    """A reply that waits for its reviewer, or that was decided."""

    interaction_id: UUID
    user_id: str
    customer_message: str | None
    draft_bubbles: list[str] | None
    context: dict[str, Any] | None
    """What the upstream wants the reviewer to see."""
    priority: float
    """From 0 to 1; 1 is worth four hours of waiting."""
    received_at: datetime
    expires_at: datetime | None
    state: ReviewState
    claimed_by: str | None
    """Who holds it now."""
    claimed_until: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    opened_at: datetime | None
    event_id: UUID | None
    """The approval event; what becomes of it is at `/v1/events/{event_id}`."""
    reject_reason: str | None
    posted_by: str | None
    revision: int
    """Grows with each new draft and each undo; also the `ETag`."""
    undo_until: datetime | None
    final: bool
    """Whether it is decided and cannot be undone any more: before that, do not act on it."""
    event: dict[str, Any] | None
    """The approval event, as it is published."""


class ReviewSummary(Model):
    """A review in a list."""

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


class PostedReview(Model):
    """The answer to a draft."""

    posting: Posting
    """What the post did."""
    review: Review


class ClaimedReview(Model):
    """A review that the reviewer holds."""

    review: Review
    draft: dict[str, Any] | None
    """What this reviewer has typed before."""


class Decided(Model):
    """The answer to a decision; the same again gives the same answer."""

    interaction_id: UUID
    user_id: str
    state: ReviewState
    decided_by: str
    decided_at: datetime
    opened_at: datetime | None
    undo_until: datetime
    """Until then it can be undone; then an approval is published."""
    event_id: UUID | None
    event: dict[str, Any] | None
    reject_reason: str | None


class Preview(Model):
    """What an approval would do now, by the fold of all that is applied."""

    known: bool
    owner: str | None
    status_before: Status
    ltv_before: Money
    status_after: Status
    ltv_after: Money
    fits: bool
    customer_known: bool
    customer_status_before: Status | None
    customer_ltv_before: Money | None
    customer_status_after: Status
    customer_ltv_after: Money
    amount: Money | None
    user_id: str
    text: Annotated[str, Field(examples=["CUSTOMER, 150.00 + 50.00 = 200.00 USD"])]
    refusal: str | None
    """Why the approval would become a dead letter."""


class Renewed(Model):
    """A lease."""

    claimed_until: datetime


class ReviewLine(Model):
    """A decision, as the feed of reviews has it."""

    position: str
    """That of a reader which has read this decision and all before it."""
    id: UUID
    interaction_id: UUID
    user_id: str
    decision: str
    """`approved`, `rejected` or `expired`."""
    reviewer: str | None
    opened_at: datetime | None
    decided_at: datetime
    event_id: UUID | None
    event: dict[str, Any] | None
    reject_reason: str | None
