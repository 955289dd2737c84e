"""HEAD is answered like GET, without the body; but not where GET does more than read."""

from collections.abc import Awaitable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NOT_ONLY_READING: Final = ("/desk", "/sign-in/")
"""Below these, a page that a person opens may claim a review, or use up a link."""


def takes_head(path: str) -> bool:
    """Whether HEAD of this path is answered, where GET is."""
    return not path.startswith(_NOT_ONLY_READING)


class HeadLikeGet:
    """Serves HEAD by the routes of GET (ASGI middleware)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve the request; others than HEAD are passed on without a coroutine of their own."""
        if scope["type"] == "http" and scope["method"] == "HEAD" and takes_head(scope["path"]):
            return self._serve(scope, receive, send)
        return self._app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve as a GET, but send only the head. A stream then ends as when its reader leaves."""
        as_get = {**scope, "method": "GET"}

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope["route"] = as_get.get("route")  # by which requests are counted
                await send(message)
                await send({"type": "http.response.body"})

        await self._app(as_get, receive, send_head)
