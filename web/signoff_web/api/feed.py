"""`/v1/feed`: what was applied, from a position on, in pages or followed."""

import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any, Final

from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request, Response

from signoff_ops.errors import DatabaseUnavailableError
from signoff_ops.feed import json_line, read_page
from signoff_ops.values import FeedPage
from signoff_schemas import SignoffError
from signoff_schemas.access import Scope
from signoff_schemas.backoff import backoff_delays
from signoff_schemas.wording import json_text
from signoff_web.access import requires
from signoff_web.api.answers import next_page, refusals
from signoff_web.api.parameters import ONLY_KNOWN
from signoff_web.context import InContext, context_of
from signoff_web.following import Following, StillAllowed
from signoff_web.problems import problem_of
from signoff_web.streams import Ending, event_text

router = APIRouter(dependencies=[ONLY_KNOWN], tags=["Feed"])

_MOST: Final = 1000
_AT_ONCE: Final = 200
"""Events that are read together for a reader that follows."""
_POLL: Final = 1.0
_HEARTBEAT: Final = 15.0
"""Seconds after which a reader hears that the service is there."""
_STREAM: Final = "text/event-stream"
_LINES: Final = "application/x-ndjson"

_LINE: Final[dict[str, Any]] = {
    "type": "string",
    "contentMediaType": "application/json",
    "contentSchema": {"$ref": "#/components/schemas/FeedLine"},
}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A line of JSON for each event; or server-sent events, whose `data` is one.",
        "content": {_LINES: {"schema": _LINE}, _STREAM: {"schema": {"type": "string"}}},
        "headers": {
            "Signoff-Position": {
                "description": "The position behind this page: the next `after`.",
                "schema": {"type": "string"},
            },
            "Signoff-Caught-Up": {
                "description": "Whether there were no more events when the page was read.",
                "schema": {"type": "string", "enum": ["true", "false"]},
            },
        },
    },
    **refusals(_409="The database was restored, or events were detached: docs/operations.md."),
}


@router.get(
    "/v1/feed",
    dependencies=[requires(Scope.READ)],
    response_class=Response,
    responses=_ANSWERS,
    summary="The feed",
)
def feed(
    request: Request,
    context: InContext,
    *,
    after: Annotated[
        str | None, Query(description="Only what follows this position, which came from here.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST, description="The most events of a page.")] = _MOST,
    follow: Annotated[
        bool, Query(description="Wait for more, as server-sent events, until one side ends.")
    ] = False,
    accept_restore: Annotated[
        bool,
        Query(
            description="Go on from a position from before a restore: events may be lost, or come "
            "again."
        ),
    ] = False,
    last_event_id: Annotated[
        str | None, Header(description="The position, of a reader that connects again.")
    ] = None,
) -> Response:
    """Each applied event once, in an order that can be followed.

    Late events come when they are applied.
    """
    stream = follow or _STREAM in request.headers.get("accept", "")
    position = last_event_id or after if stream else after
    page = read_page(
        context.servers,
        position,
        limit=min(limit, _AT_ONCE) if stream else limit,
        accept_restore=accept_restore,
    )
    return Following(request, partial(_events, request, page)) if stream else _lines(request, page)


def _lines(request: Request, page: FeedPage) -> Response:
    headers = {
        "Signoff-Position": page.position,
        "Signoff-Caught-Up": "true" if page.caught_up else "false",
        "Link": next_page(request, after=page.position),
    }
    lines = "".join(f"{json_line(event)}\n" for event in page.events)
    return Response(lines, headers=headers, media_type=_LINES)


async def _events(request: Request, page: FeedPage, ending: Ending) -> AsyncIterator[bytes]:
    """The stream from the page on."""
    follower = _Follower(request, page)
    try:
        while True:
            if news := follower.news():
                yield news
            if await ending.wait(follower.pause) or not await ending.or_done(follower.read_on()):
                return
    except SignoffError as error:
        yield event_text(data=json_text(problem_of(error).document), kind="problem")


class _Follower:
    """A reader that follows: how far it has read, and when it heard something last."""

    def __init__(self, request: Request, page: FeedPage) -> None:
        self._context = context_of(request)
        self._heard = time.monotonic()
        self._may_still = StillAllowed(request, Scope.READ)
        self._page = page
        self._delays = backoff_delays()
        self.pause = _pause_after(page)
        """Seconds to wait before the next page is read."""

    def news(self) -> bytes:
        """What to send now: events, a heartbeat, or nothing."""
        page, now = self._page, time.monotonic()
        if not page.events and now - self._heard < _HEARTBEAT:
            return b""
        self._heard = now
        if not page.events:
            return event_text(identifier=page.position)
        return b"".join(
            event_text(data=json_line(event), identifier=event.position) for event in page.events
        )

    async def read_on(self) -> bool:
        """Read the next page; False if the reader may not read any more.

        While Postgres is unavailable, there is nothing new.
        """
        try:
            if not await self._may_still():
                return False
            self._page = await self._next_page()
            self.pause = _pause_after(self._page)
            self._delays = backoff_delays()
        except DatabaseUnavailableError:
            self._page = FeedPage((), self._page.position, caught_up=True)
            self.pause = next(self._delays)
        return True

    async def _next_page(self) -> FeedPage:
        """The page that follows; a thread that nobody waits for any more is left alone."""
        read = partial(read_page, self._context.servers, self._page.position, limit=_AT_ONCE)
        threads = self._context.followers.threads
        return await to_thread.run_sync(read, abandon_on_cancel=True, limiter=threads)


def _pause_after(page: FeedPage) -> float:
    return _POLL if page.caught_up else 0.0
