"""How many requests were served, with which status, and how long they took."""

import time
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper ends of the buckets of durations, in seconds."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER: Final = "other"


@dataclass(slots=True)
class Durations:
    """How long requests of one route took, from their arrival to the head of the answer."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds


@dataclass(slots=True)
class Requests:
    """What was served since the service started; used by the event loop's thread alone."""

    served: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    """By method, route and status."""
    durations: dict[str, Durations] = field(default_factory=dict)
    """By route."""

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one."""
        self.served[method, route, status] += 1
        self.durations.setdefault(route, Durations()).add(seconds)


class Measured:
    """Counts each request (ASGI middleware)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, answered = time.perf_counter(), False

        def count(status: int) -> None:
            nonlocal answered
            answered = True
            requests: Requests = scope["app"].state.context.requests
            method = scope["method"] if scope["method"] in _METHODS else _OTHER
            requests.add(method, _route_of(scope), status, time.perf_counter() - began)

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                count(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, counting)
        except Exception:
            if not answered:
                count(HTTPStatus.INTERNAL_SERVER_ERROR)  # Starlette answers it outside of us
            raise


def _route_of(scope: Scope) -> str:
    """The path of the route with the names of its arguments; ids are no label."""
    path: str = getattr(scope.get("route"), "path", _OTHER)
    return path
