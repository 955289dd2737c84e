"""What is so of every answer, whatever serves the request.

It is counted, it has the headers that keep browsers from running what is not ours, and an error
that nobody expected is answered with a problem. One middleware does the three: each layer takes
time of every request.
"""

import time
from collections.abc import Awaitable
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signoff_web.measuring import Requests
from signoff_web.problems import defect
from signoff_web.security import completed

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER: Final = "other"


class Answers:
    """Sees each answer when its head is sent (ASGI middleware, the outermost)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, begun = time.perf_counter(), False

        def sending(message: Message) -> Awaitable[None]:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                _count(scope, message["status"], time.perf_counter() - began)
                message["headers"] = completed(message.get("headers", ()))
            return send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            if begun:
                raise
            # Starlette would do it outside all other middleware: without headers, and not counted.
            await defect(Request(scope), error)(scope, receive, sending)


def _count(scope: Scope, status: int, seconds: float) -> None:
    requests: Requests = scope["app"].state.context.requests
    method = scope["method"] if scope["method"] in _METHODS else _OTHER
    # The path of the route with the names of its arguments; ids are no label.
    route = getattr(scope.get("route"), "path", _OTHER)
    requests.add(method, route, status, seconds)
