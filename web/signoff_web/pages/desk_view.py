"""What the review desk shows: the queue, the open review, and the reviewer's last decisions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fastapi import Request, Response

from signoff_ops import review_desk, reviews
from signoff_ops.queue_outage import queue_outage
from signoff_ops.review_desk import ReviewContext
from signoff_ops.reviews import (
    ClaimedReview,
    Decided,
    ReviewDecidedError,
    ReviewHeldError,
    UnknownReviewError,
)
from signoff_ops.servers import Servers
from signoff_schemas.taxonomy import CUSTOMER_STATUSES, EDIT_TAGS
from signoff_web.pages.desk_fields import Fields
from signoff_web.templating import page

LISTED: Final = 50
"""Reviews of the queue, and decisions, that are shown."""
SCORES: Final = range(1, 6)


@dataclass(frozen=True, slots=True)
class Open:
    """A review as it is shown."""

    context: ReviewContext
    fields: Fields
    restored: bool = False
    """Whether the fields hold what the reviewer typed before."""
    holder: str | None = None
    """Who holds it, if it is another reviewer."""
    holder_until: datetime | None = None
    decided: str | None = None
    """How it was decided, if it was."""

    @property
    def mine(self) -> bool:
        """Whether the reviewer may decide about it."""
        return self.holder is None and self.decided is None


def opened(servers: Servers, interaction_id: UUID, reviewer: str) -> Open:
    """Claim a review, with what the reviewer typed before; or see why it cannot be claimed.

    Raises:
        UnknownReviewError: there is no such review.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    try:
        claimed = reviews.claim(servers, interaction_id, reviewer)
        if claimed is None:
            raise UnknownReviewError(interaction_id)
        return shown(servers, claimed)
    except ReviewHeldError as error:
        return replace(
            _seen(servers, interaction_id), holder=error.holder, holder_until=error.until
        )
    except ReviewDecidedError as error:
        return replace(_seen(servers, interaction_id), decided=str(error))


def shown(servers: Servers, claimed: ClaimedReview) -> Open:
    """A review that the reviewer holds."""
    context = review_desk.context_of(servers, claimed.review.interaction_id)
    if claimed.draft is None:
        return Open(context, Fields.of_review(context.review))
    return Open(context, Fields.of_draft(claimed.draft), restored=True)


def typed(item: Open, fields: Fields) -> Open:
    """The same review with what the reviewer typed just now."""
    return replace(item, fields=fields)


def _seen(servers: Servers, interaction_id: UUID) -> Open:
    context = review_desk.context_of(servers, interaction_id)
    return Open(context, Fields.of_review(context.review))


def fragment(request: Request, item: Open) -> Response:
    """The review alone, for the scripts of the desk."""
    return page(request, "desk/item.html", **_item_values(item))


def whole(
    request: Request,
    servers: Servers,
    reviewer: str,
    item: Open | None,
    *,
    status: int = 200,
    errors: Mapping[str, str] | None = None,
) -> Response:
    """The desk with a review, or with none; `errors` says what is wrong, by field."""
    settings = servers.settings
    values = {
        **queue_values(servers, reviewer),
        **decisions_values(servers, reviewer),
        **(_item_values(item, errors) if item else {"item": None}),
    }
    return page(
        request,
        "desk/desk.html",
        status=status,
        open_id=item and item.context.review.interaction_id,
        lease=settings.review_lease_seconds,
        undo=settings.undo_seconds,
        **values,
    )


def queue_values(servers: Servers, reviewer: str) -> dict[str, Any]:
    """What the list of the queue shows."""
    listed = reviews.review_page(servers, reviewer, None, LISTED)
    waiting = reviews.waiting_reviews(servers, reviewer)
    return {"listed": listed.items, "waiting": waiting, "me": reviewer}


def decisions_values(servers: Servers, reviewer: str) -> dict[str, Any]:
    """What the list of decisions shows."""
    return {
        "decisions": review_desk.recent_decisions(servers, reviewer, limit=LISTED),
        "outage": queue_outage(servers),
    }


def _item_values(item: Open, errors: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {
        "item": item,
        "review": item.context.review,
        "errors": errors or {},
        "statuses": CUSTOMER_STATUSES,
        "tags": EDIT_TAGS,
        "scores": SCORES,
    }


def decided(answer: Decided, effect: str | None, outage: str | None) -> dict[str, Any]:
    """What the scripts of the desk are told of a decision."""
    return {
        "interaction_id": str(answer.interaction_id),
        "user_id": answer.user_id,
        "state": str(answer.state),
        "effect": effect,
        "outage": outage,
    }
