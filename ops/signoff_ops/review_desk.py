"""What reviewers and supervisors see: context, the effect of an approval, outcomes, the queue."""

from uuid import UUID

from signoff_db.reviews import context, outcomes, supervision
from signoff_db.reviews.context import Exchange, Preview, ReviewContext
from signoff_db.reviews.deciding import Body
from signoff_db.reviews.effects import Effect
from signoff_db.reviews.outcomes import Outcome, RecentDecision
from signoff_db.reviews.supervision import (
    DecidedToday,
    HeldReview,
    ReturnedDraft,
    Supervision,
)
from signoff_ops.servers import Servers

__all__ = [
    "DecidedToday",
    "Effect",
    "Exchange",
    "HeldReview",
    "Outcome",
    "Preview",
    "RecentDecision",
    "ReturnedDraft",
    "ReviewContext",
    "Supervision",
    "after_approval",
    "context_of",
    "recent_decisions",
    "supervisor_view",
]


def context_of(servers: Servers, interaction_id: UUID) -> ReviewContext:
    """What is known of a review's customer, all of one moment.

    Raises:
        UnknownReviewError: there is no such review.
        DatabaseUnavailableError: Postgres is unavailable: then nothing is known.
    """
    with servers.database() as connection:
        return context.context_of(connection, interaction_id)


def after_approval(servers: Servers, interaction_id: UUID, reviewer: str, body: Body) -> Preview:
    """What an approval with this body would do now; nothing is written.

    Raises:
        InvalidEvent: the body breaks the contract; every field is named.
        UnknownReviewError: there is no such review.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return context.after_approval(connection, interaction_id, reviewer, body)


def recent_decisions(servers: Servers, reviewer: str, *, limit: int = 20) -> list[RecentDecision]:
    """A reviewer's last decisions with what became of each, the latest first.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return outcomes.recent_decisions(connection, reviewer, limit=limit)


def supervisor_view(servers: Servers) -> Supervision:
    """Who holds what, how long reviews wait, what was decided today, which drafts were returned.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return supervision.supervise(connection)
