"""The headers that keep a browser from running or showing what is not ours."""

from typing import Final

from secure import ContentSecurityPolicy, ReferrerPolicy, Secure, XContentTypeOptions
from starlette.datastructures import MutableHeaders
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


class SecurityHeaders:
    """Adds the headers, and forbids caches to keep what only the sender may see."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request (ASGI)."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)
