"""Answers an error that nobody expected.

Starlette would do it outside all other middleware: its answer had no security headers, and was not
counted.
"""

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signoff_web.problems import defect


class Defects:
    """Answers an error with a problem, unless the answer has begun (ASGI middleware)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            if scope["type"] != "http" or begun:
                raise
            await defect(Request(scope), error)(scope, receive, send)
