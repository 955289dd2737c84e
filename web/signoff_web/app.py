"""The application: its routes, and what is opened and closed with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import APIRouter, FastAPI, Request

from signoff_ops.servers import PooledServers
from signoff_schemas import Settings
from signoff_schemas.access import Identity
from signoff_web import problems
from signoff_web.access import check_routes
from signoff_web.api import publishing, service
from signoff_web.assets import Assets
from signoff_web.connection_limit import ConnectionLimit
from signoff_web.context import Authenticate
from signoff_web.opening import opened
from signoff_web.raw_routes import DirectRoutes
from signoff_web.security import SecurityHeaders

_ROUTERS: Final[tuple[APIRouter, ...]] = (publishing.router, service.router)
_CONNECTIONS: Final = 10


async def _nobody(_request: Request) -> Identity | None:
    return None


def create_app(settings: Settings, *, authenticate: Authenticate = _nobody) -> FastAPI:
    """The web service with these settings; its connections are opened when it starts.

    Raises:
        SettingsError: no Redis or no Postgres is set.
        UnguardedRouteError: a route does not say who may call it.
    """
    servers = PooledServers(settings, application="signoff-web", size=_CONNECTIONS)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened(settings, servers, authenticate) as context:
            app.state.context = context
            yield

    app = FastAPI(
        title="Signoff",
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    for router in _ROUTERS:
        # As they are: `include_router` would hide them from `check_routes`.
        app.router.routes.extend(router.routes)
    app.mount("/static", Assets(), name="static")
    app.add_middleware(DirectRoutes, routes=app.router.routes)  # the first one is the innermost
    app.add_middleware(ConnectionLimit, most=settings.web_connections)
    app.add_middleware(SecurityHeaders)
    problems.add_handlers(app)
    check_routes(app)
    return app
