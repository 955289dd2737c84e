"""A bound on the requests and connections that are served at the same time."""

from collections.abc import Sized
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from signoff_web.problems import RETRY_AFTER, ProblemError, answer

_ALWAYS: Final = frozenset({"/live", "/ready"})
"""Answered also then: a probe that fails would have the service restarted."""


@dataclass(slots=True)
class Bound:
    """How many requests are served now, and how many at the most."""

    most: int
    requests: int = 0


class ConnectionLimit:
    """Answers what is beyond the bound with a problem, and closes its connection."""

    def __init__(self, app: ASGIApp, bound: Bound) -> None:
        """`bound` counts the requests of all that it is given to."""
        self._app = app
        self._bound = bound

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._is_full(scope) and scope["path"] not in _ALWAYS:
            response = answer(Request(scope), _busy(self._bound.most))
            await response(scope, receive, send)
        else:
            self._bound.requests += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._bound.requests -= 1

    def _is_full(self, scope: Scope) -> bool:
        # The server sets this; open connections without a request count too.
        connections: Sized = getattr(scope["app"].state, "connections", ())
        most = self._bound.most
        return self._bound.requests >= most or len(connections) > most


def _busy(most: int) -> ProblemError:
    return ProblemError(
        503,
        "busy",
        "The service is busy",
        f"It serves {most} connections at the same time (SIGNOFF_WEB_CONNECTIONS). Nothing of this "
        "request was taken; send it again",
        headers={"Retry-After": RETRY_AFTER, "Connection": "close"},
    )
