"""The feed of reviews: what was decided, for upstreams and webhooks."""

from signoff_db.reviews import feed
from signoff_db.reviews.feed import MOST_DECISIONS, ReviewDecision, ReviewFeedPage
from signoff_ops.servers import Servers

__all__ = ["MOST_DECISIONS", "ReviewDecision", "ReviewFeedPage", "read_decisions"]


def read_decisions(
    servers: Servers, after: str | None, *, limit: int = 100, accept_restore: bool = False
) -> ReviewFeedPage:
    """The final decisions that follow a position; None is the beginning.

    Raises:
        InvalidPositionError, FeedRestoredError: the position cannot be followed.
        DatabaseUnavailableError: Postgres is unavailable, or a standby.
    """
    with servers.database() as connection:
        return feed.read(connection, after, limit=limit, accept_restore=accept_restore)
