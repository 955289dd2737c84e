"""The feed: what was applied, from a position on, once or for as long as somebody follows."""

from collections.abc import Callable, Iterator
from typing import Final

from signoff_db import feed
from signoff_db.connection import DatabaseUnavailableError
from signoff_db.feed import FeedEvent, FeedPage
from signoff_ops.servers import Servers
from signoff_schemas.backoff import backoff_delays
from signoff_schemas.wording import json_default, one_line_json

_SIZE: Final = 1000
"""Events of a page."""


def json_line(event: FeedEvent, *, ascii_only: bool = False) -> str:
    """An event of the feed with its position, as one line of JSON."""
    line = (
        f'{{"position":"{event.position}","event_type":"{event.event_type}",'
        f'"applied_at":"{json_default(event.applied_at)}","event":{event.event}}}'
    )
    return one_line_json(line, ascii_only=ascii_only)


def read_page(
    servers: Servers, after: str | None, *, limit: int = _SIZE, accept_restore: bool = False
) -> FeedPage:
    """The events that follow a position; see `signoff_db.feed.read`.

    Raises:
        InvalidPositionError, FeedRestoredError, FeedGapError: the position cannot be followed.
        DatabaseUnavailableError: Postgres is unavailable, or a standby.
    """
    with servers.database() as connection:
        return feed.read(connection, after, limit=limit, accept_restore=accept_restore)


def read_on(
    servers: Servers,
    after: str | None,
    *,
    limit: int | None = None,
    accept_restore: bool = False,
) -> Iterator[FeedPage]:
    """Pages from a position up to now, or up to so many events; on one connection.

    Raises:
        InvalidPositionError, FeedRestoredError, FeedGapError, DatabaseUnavailableError: as
            `read_page`.
    """
    left = limit
    with servers.database() as connection:
        while left != 0:
            size = _SIZE if left is None else min(_SIZE, left)
            page = feed.read(connection, after, limit=size, accept_restore=accept_restore)
            yield page
            if page.caught_up:
                return
            after, accept_restore = page.position, False
            left = None if left is None else left - len(page.events)


def follow(
    servers: Servers,
    after: str | None,
    wait: Callable[[float], bool],
    *,
    limit: int | None = None,
    poll: float = 1.0,
    accept_restore: bool = False,
    on_outage: Callable[[Exception], None] = lambda _: None,
) -> Iterator[FeedPage]:
    """Pages from a position on, without end, or up to so many events.

    Args:
        servers: where the ledger is. While it is unavailable, this waits for it.
        after: see `read_page`.
        wait: waits so many seconds, and says whether to stop.
        limit: the most events.
        poll: seconds between looks when there were no more events.
        accept_restore: see `read_page`.
        on_outage: is given the error of each try while Postgres is unavailable.

    Raises:
        InvalidPositionError, FeedRestoredError, FeedGapError: as `read_page`.
    """
    left, delays = limit, backoff_delays()
    while True:
        try:
            for page in read_on(servers, after, limit=left, accept_restore=accept_restore):
                after, accept_restore, delays = page.position, False, backoff_delays()
                left = None if left is None else left - len(page.events)
                yield page
                if wait(0):
                    return
            pause = poll
        except DatabaseUnavailableError as error:
            on_outage(error)
            pause = next(delays)
        if left == 0 or wait(pause):
            return
