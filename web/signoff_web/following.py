"""Streams that somebody follows, of which there are only so many at a time."""

import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from fastapi import Request
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from signoff_ops.errors import DatabaseUnavailableError
from signoff_schemas.access import Scope
from signoff_web.access import may_still
from signoff_web.context import context_of
from signoff_web.problems import RETRY_AFTER, ProblemError, answer
from signoff_web.streams import Ending, EventStream

CHECK_EVERY: Final = 15.0
"""Seconds after which the sender of a request that is answered for long is looked up again."""


class Following(EventStream):
    """A stream, unless there are too many already."""

    def __init__(self, request: Request, events: Callable[[Ending], AsyncIterator[bytes]]) -> None:
        self._context = context_of(request)
        super().__init__(events, self._context.stopping)
        self._request = request

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Serve the stream (ASGI)."""
        followers, most = self._context.followers, self._context.settings.web_followers
        if followers.number >= most:
            await answer(self._request, _too_many(most))(scope, receive, send)
            return
        with followers.another():
            await super().__call__(scope, receive, send)


def _too_many(most: int) -> ProblemError:
    return ProblemError(
        503,
        "too-many-followers",
        "Too many readers follow a stream",
        f"No more than {most} may follow one here at the same time (SIGNOFF_WEB_FOLLOWERS); read "
        "page by page, or try again later",
        headers={"Retry-After": RETRY_AFTER},
    )


class StillAllowed:
    """Whether the sender of a request may read on; looked up now and then."""

    def __init__(self, request: Request, scope: Scope) -> None:
        self._request = request
        self._scope = scope
        self._checked = time.monotonic()

    async def __call__(self) -> bool:
        """Whether it may.

        Raises:
            DatabaseUnavailableError: that cannot be looked up.
        """
        now = time.monotonic()
        if now - self._checked < CHECK_EVERY:
            return True
        self._checked = now
        return await may_still(self._request, self._scope)


async def allowed_as_far_as_known(still: StillAllowed) -> bool:
    """Whether a reader may read on; while that cannot be looked up, it may."""
    try:
        return await still()
    except DatabaseUnavailableError:
        return True
