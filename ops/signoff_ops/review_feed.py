"""The feed of reviews: what was decided, for upstreams and webhooks."""

from collections.abc import Iterator

from signoff_db.reviews import feed
from signoff_db.reviews.feed import MOST_DECISIONS, ReviewDecision, ReviewFeedPage
from signoff_ops.servers import Servers

__all__ = ["MOST_DECISIONS", "ReviewDecision", "ReviewFeedPage", "read_decisions", "read_on"]


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


def read_on(
    servers: Servers, after: str | None, *, limit: int | None = None
) -> Iterator[ReviewFeedPage]:
    """Pages from a position up to now, or up to so many decisions.

    Raises:
        InvalidPositionError, FeedRestoredError, DatabaseUnavailableError: as `read_decisions`.
    """
    left = limit
    while left is None or left > 0:
        size = MOST_DECISIONS if left is None else min(MOST_DECISIONS, left)
        page = read_decisions(servers, after, limit=size)
        yield page
        if page.caught_up:
            return
        after = page.position
        left = None if left is None else left - len(page.decisions)
