"""Refuses requests that another site makes a browser send: those that change something."""

from collections.abc import Awaitable
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from signoff_web.authentication import COOKIE
from signoff_web.problems import ProblemError, answer

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_OWN: Final = frozenset({"same-origin", "none"})
"""`Sec-Fetch-Site` of our own pages, and of what a person typed or has as a bookmark."""


class SameOrigin:
    """Lets unsafe methods through only from our own pages, or with a key.

    Browsers say where a request comes from, and no page can change what they say. A key in the
    header `Authorization` is nothing that a browser adds by itself.
    """

    def __init__(self, app: ASGIApp, *, public_url: str | None = None) -> None:
        self._app = app
        self._public_host = urlsplit(public_url).netloc.lower() if public_url else None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve or refuse the request (ASGI)."""
        if scope["type"] == "http" and scope["method"] not in _SAFE and not _has_key(scope):
            request = Request(scope)
            if not self._is_own(request):
                return answer(request, _problem())(scope, receive, send)
        return self._app(scope, receive, send)

    def _is_own(self, request: Request) -> bool:
        site = request.headers.get("sec-fetch-site")
        if site is not None:
            return site in _OWN
        origin = request.headers.get("origin")
        if origin is not None:
            host = _host_of(origin)
            return bool(host) and host in {
                request.headers.get("host", "").lower(),
                self._public_host,
            }
        # Neither header: no browser of this decade. Without a session there is nothing to abuse.
        return COOKIE not in request.cookies


def _host_of(origin: str) -> str:
    """The host and port of an origin; empty if it is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _has_key(scope: Scope) -> bool:
    """Whether the header `Authorization` is there; of a program's request, nothing else is read."""
    return b"authorization" in [name for name, _ in scope["headers"]]


def _problem() -> ProblemError:
    return ProblemError(
        403,
        "cross-site",
        "The request came from another site",
        "Only pages of this service may send this. Open the service itself, and try again; "
        "programs send a key: `Authorization: Bearer sgn_...`",
    )
