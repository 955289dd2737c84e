"""Reading the feed in tests."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.feed import FeedEvent, FeedPage, pages, read


def all_events(
    connection: Connection[TupleRow], after: str | None = None, **options: Any
) -> list[FeedEvent]:
    """Every event that follows a position; `options` are those of `pages`."""
    return [event for page in pages(connection, after, **options) for event in page.events]


def ids(events: list[FeedEvent] | tuple[FeedEvent, ...]) -> list[UUID]:
    """Their ids."""
    return [event.event_id for event in events]


class Reader:
    """Keeps its position, and what it has seen."""

    def __init__(self, connection: Connection[TupleRow], **options: Any) -> None:
        """`options` are those of `read`."""
        self.connection = connection
        self.options = options
        self.position: str | None = None
        self.seen: list[UUID] = []

    def page(self) -> FeedPage:
        """Read one page."""
        page = read(self.connection, self.position, **self.options)
        self.position = page.position
        self.seen += ids(page.events)
        return page

    def catch_up(self) -> Iterator[UUID]:
        """Read all there is; yields the ids of what is new."""
        before = len(self.seen)
        while not self.page().caught_up:
            pass
        yield from self.seen[before:]
