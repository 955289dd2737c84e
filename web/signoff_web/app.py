"""The application: its routes, and what is opened and closed with it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.staticfiles import StaticFiles

from signoff_ops.rates import add_to_counts
from signoff_ops.servers import PooledServers, Servers
from signoff_ops.verdict_watch import VerdictWatch
from signoff_producer.requests import RequestProducer
from signoff_schemas import Settings
from signoff_schemas.access import Identity
from signoff_web import problems
from signoff_web.access import check_routes
from signoff_web.api import publishing, service
from signoff_web.connection_limit import ConnectionLimit
from signoff_web.context import Authenticate, Context
from signoff_web.rates import Rates
from signoff_web.raw_routes import DirectRoutes
from signoff_web.security import SecurityHeaders
from signoff_web.templating import environment

_STATIC: Final = Path(__file__).with_name("static")
_ROUTERS: Final[tuple[APIRouter, ...]] = (publishing.router, service.router)
_CONNECTIONS: Final = 10
_PUBLISH_SECONDS: Final = 10.0
"""Seconds that a publish may take in all, unless SIGNOFF_PUBLISH_TIMEOUT says otherwise."""


async def _nobody(_request: Request) -> Identity | None:
    return None


@asynccontextmanager
async def _opened(
    settings: Settings, servers: PooledServers, authenticate: Authenticate
) -> AsyncIterator[Context]:
    """What the routes share, until the service has ended."""
    verdicts = VerdictWatch(servers)
    rates = Rates(settings.rate_limit, partial(_add_up, servers))
    with servers, closing(verdicts):
        async with RequestProducer(settings=_publishing(settings)) as producer:
            settling = asyncio.create_task(rates.settle_forever())
            yield Context(
                settings, servers, producer, environment(), authenticate, verdicts, rates
            )
            settling.cancel()


def _publishing(settings: Settings) -> Settings:
    """The settings of the producer, whose answer says whether the queue has the event.

    None is kept in a spool instead, and nobody waits for an answer without end.
    """
    timeout = settings.publish_timeout or _PUBLISH_SECONDS
    return settings.model_copy(update={"spool": False, "publish_timeout": timeout})


async def _add_up(servers: Servers, counts: Mapping[str, int], window: int) -> Mapping[str, int]:
    return await asyncio.to_thread(add_to_counts, servers, counts, window)


def create_app(settings: Settings, *, authenticate: Authenticate = _nobody) -> FastAPI:
    """The web service with these settings; its connections are opened when it starts.

    Raises:
        SettingsError: no Redis or no Postgres is set.
        UnguardedRouteError: a route does not say who may call it.
    """
    servers = PooledServers(settings, application="signoff-web", size=_CONNECTIONS)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _opened(settings, servers, authenticate) as context:
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
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    app.add_middleware(DirectRoutes, routes=app.router.routes)  # the first one is the innermost
    app.add_middleware(ConnectionLimit, most=settings.web_connections)
    app.add_middleware(SecurityHeaders)
    problems.add_handlers(app)
    check_routes(app)
    return app
