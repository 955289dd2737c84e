"""What a reviewer sees beside a draft, and what an approval would do before it is made."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db import reading
from signoff_db.reading import Customer, Interaction, Transition
from signoff_db.reviews.deciding import Body
from signoff_db.reviews.effects import effect_text
from signoff_db.reviews.reading import Review, get
from signoff_db.sql import statement
from signoff_schemas import approval_of

_MOST: Final = 10
"""Exchanges and transitions that are shown."""
_ANYBODY: Final = "reviewer"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message of the customer and the reply to it."""

    interaction_id: UUID
    customer_message: str | None
    """None if it came by no review."""
    final_bubbles: list[str]
    edit_tags: list[str]
    quality_score: int | None
    reviewer_id: str | None
    cta_data: Any
    customer_status: str | None
    ltv_usd: Decimal | None
    review_completed_at: datetime | None

    @property
    def cta_tags(self) -> list[str]:
        """The tags that name a call to action."""
        return [tag for tag in self.edit_tags if tag.startswith("CTA_")]


@dataclass(frozen=True, slots=True)
class ReviewContext:
    """What is known of a review's customer; all of one moment."""

    review: Review
    customer: Customer | None
    """None for a customer of whom nothing was applied yet."""
    interaction: Interaction | None
    """None if nothing of this interaction was applied yet."""
    exchanges: tuple[Exchange, ...]
    """The last ten of the customer, the latest first, without this one."""
    transitions: tuple[Transition, ...]
    """The customer's last ten, the latest first."""

    @property
    def calls_to_action(self) -> tuple[Exchange, ...]:
        """The exchanges that held a call to action."""
        return tuple(one for one in self.exchanges if one.cta_data or one.cta_tags)


@dataclass(frozen=True, slots=True)
class Preview:
    """What an approval would do now, by the fold of all that is applied."""

    known: bool
    """Whether the interaction has a row already."""
    owner: str | None
    """Its user."""
    status_before: str
    ltv_before: Decimal
    status_after: str
    ltv_after: Decimal
    fits: bool
    """Whether the LTV is within what an interaction can hold."""
    customer_known: bool
    customer_status_before: str | None
    customer_ltv_before: Decimal | None
    customer_status_after: str
    customer_ltv_after: Decimal
    amount: Decimal | None = None
    user_id: str = ""

    @property
    def refusal(self) -> str | None:
        """Why the approval would become a dead letter; None if it would be applied."""
        if self.owner is not None and self.owner != self.user_id:
            return f"the interaction belongs to user {self.owner!r}, the review to {self.user_id!r}"
        if not self.fits:
            return "the LTV of the interaction would exceed 999999.99, the most it can hold"
        return None

    @property
    def text(self) -> str:
        """The effect on the interaction, such as `CUSTOMER, 150.00 + 50.00 = 200.00 USD`."""
        return effect_text(self.status_after, self.ltv_before, self.amount, self.ltv_after)


def context_of(connection: Connection[TupleRow], interaction_id: UUID) -> ReviewContext:
    """What is known of a review's customer.

    Raises:
        UnknownReviewError: there is no such review.
    """
    with reading.snapshot(connection):
        review = get(connection, interaction_id)
        parameters = {
            "user_id": review.user_id,
            "interaction_id": interaction_id,
            "most": _MOST,
        }
        with connection.cursor(row_factory=class_row(Exchange)) as cursor:
            exchanges = cursor.execute(statement("reviews/exchanges"), parameters).fetchall()
        with connection.cursor(row_factory=class_row(Transition)) as rows:
            transitions = rows.execute(statement("reviews/transitions"), parameters).fetchall()
        return ReviewContext(
            review,
            reading.customer(connection, review.user_id),
            reading.interaction(connection, interaction_id),
            tuple(exchanges),
            tuple(transitions),
        )


def after_approval(
    connection: Connection[TupleRow], interaction_id: UUID, reviewer: str, body: Body
) -> Preview:
    """What an approval with this body would do now. Nothing is written, and nobody waits for it.

    Events that were published and are not applied yet do not count.

    Raises:
        InvalidEvent: the body breaks the contract; every field is named.
        UnknownReviewError: there is no such review.
    """
    review = get(connection, interaction_id)
    now = datetime.now(UTC)
    event = approval_of(
        body,
        event_id=uuid4(),
        occurred_at=now,
        interaction_id=interaction_id,
        user_id=review.user_id,
        reviewer_id=reviewer or _ANYBODY,
    )
    parameters = {
        "interaction_id": interaction_id,
        "user_id": review.user_id,
        "occurred_at": now,
        "customer_status": event.customer_status,
        "ltv_amount": event.ltv_amount,
    }
    cursor = connection.execute(statement("reviews/preview"), parameters)
    row = cursor.fetchone()
    if row is None or cursor.description is None:
        raise AssertionError
    columns = [column.name for column in cursor.description]
    return Preview(
        **dict(zip(columns, row, strict=True)), amount=event.ltv_amount, user_id=review.user_id
    )
