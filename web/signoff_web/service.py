"""The application: FastAPI, within the layers that every request passes."""

from collections.abc import Mapping
from typing import Final

from fastapi import FastAPI
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from signoff_schemas import Settings
from signoff_web.answers import Answers
from signoff_web.connection_limit import Bound, ConnectionLimit
from signoff_web.head import HeadLikeGet
from signoff_web.raw_routes import posted
from signoff_web.same_origin import SameOrigin


class Service(FastAPI):
    """Serves raw routes beside FastAPI's own layers, which only cost them time.

    Our layers are around both.
    """

    def __init__(self, settings: Settings, lifespan: Lifespan[FastAPI]) -> None:
        super().__init__(
            title="Signoff",
            lifespan=lifespan,
            # Starlette's redirect goes to whatever host, and scheme, the request is said to have.
            redirect_slashes=False,
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            telemetry={"tracing": False, "metrics": False, "logs": False},
        )
        self._public_url: Final = settings.web_url
        self._bound: Final = Bound(settings.web_connections)
        self._direct: Mapping[str, ASGIApp] = {}
        self.add_middleware(self._within)

    def complete(self) -> None:
        """Take the raw routes over, once all routes are there."""
        raw = posted(self.router.routes)
        self._direct = {path: self._within(route.app) for path, route in raw.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request (ASGI)."""
        direct = self._direct.get(scope["path"]) if scope["type"] == "http" else None
        if direct is None or scope["method"] != "POST":
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        await direct(scope, receive, send)

    def _within(self, app: ASGIApp) -> ASGIApp:
        """The layers that are around everything, the outermost last."""
        app = ConnectionLimit(app, self._bound)
        app = SameOrigin(app, public_url=self._public_url)
        return Answers(HeadLikeGet(app))
