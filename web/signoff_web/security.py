"""The headers that keep a browser from running or showing what is not ours."""

from collections.abc import Collection
from typing import Final

from secure import ContentSecurityPolicy, ReferrerPolicy, Secure, XContentTypeOptions
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY: Final = (
    ContentSecurityPolicy()
    .default_src("'none'")
    .script_src("'self'")
    .style_src("'self'")
    .img_src("'self'", "data:")
    .connect_src("'self'")
    .form_action("'self'")
    .base_uri("'none'")
    .frame_ancestors("'none'")
)
HEADERS: Final = Secure(
    csp=_POLICY, referrer=ReferrerPolicy().same_origin(), xcto=XContentTypeOptions()
).headers
"""Sent with every answer."""


_RAW: Final = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
_OURS: Final = frozenset(name for name, _ in _RAW)
_NO_STORE: Final = (b"cache-control", b"no-store")


def _completed(given: Collection[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of an answer with these in place of what a route gave under their names."""
    names = {name for name, _ in given}
    kept = [header for header in given if header[0] not in _OURS] if names & _OURS else given
    return [*kept, *_RAW] if _NO_STORE[0] in names else [*kept, *_RAW, _NO_STORE]


class SecurityHeaders:
    """Adds the headers, and forbids caches to keep what only the sender may see."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request (ASGI)."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _completed(message.get("headers", ()))
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)
