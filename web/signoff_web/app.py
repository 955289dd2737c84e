"""The application: its routes, and what is opened and closed with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, FastAPI

from signoff_ops.key_ring import KeyRing
from signoff_ops.servers import PooledServers
from signoff_producer import AsyncProducer
from signoff_schemas import Settings
from signoff_web import problems
from signoff_web.access import check_routes
from signoff_web.api import (
    contract,
    customers,
    dead_letters,
    events,
    feed,
    interactions,
    reviewing,
    reviews,
    service,
)
from signoff_web.assets import Assets
from signoff_web.authentication import Authentication
from signoff_web.context import Authenticate, Context
from signoff_web.measuring import Measured
from signoff_web.pages import account, home, keys, provider, sign_in, users
from signoff_web.same_origin import SameOrigin
from signoff_web.security import SecurityHeaders
from signoff_web.sign_in_limits import SignInLimits
from signoff_web.templating import environment

if TYPE_CHECKING:
    from signoff_web.oidc import Provider

_ROUTERS: Final[tuple[APIRouter, ...]] = (
    service.router,
    home.router,
    sign_in.router,
    provider.router,
    account.router,
    users.router,
    keys.router,
    contract.router,
    events.router,
    customers.router,
    interactions.router,
    dead_letters.router,
    feed.router,
    # The literal paths of `reviewing` come before the ids of `reviews`.
    reviewing.router,
    reviews.router,
)
_CONNECTIONS: Final = 10


def _provider_of(settings: Settings) -> "Provider | None":
    """The identity provider of the settings; its packages are in an extra of their own."""
    if settings.oidc_issuer is None:
        return None
    from signoff_web.oidc import Provider  # noqa: PLC0415 -- in the extra `oidc`

    return Provider(settings)


def create_app(settings: Settings, *, authenticate: Authenticate | None = None) -> FastAPI:
    """The web service with these settings; its connections are opened when it starts.

    `authenticate` tells whose a request is, by keys and sessions unless something else is given.

    Raises:
        SettingsError: no Redis or no Postgres is set.
        UnguardedRouteError: a route does not say who may call it.
    """
    identity_provider = _provider_of(settings)
    servers = PooledServers(settings, application="signoff-web", size=_CONNECTIONS)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # An answer says whether the queue has the event: none is kept in a spool instead.
        publishing = settings.model_copy(update={"spool": False})
        with servers, KeyRing(servers) as ring:
            async with AsyncProducer(settings=publishing) as producer:
                app.state.context = Context(
                    settings,
                    servers,
                    producer,
                    environment(),
                    authenticate or Authentication(servers, ring),
                    SignInLimits(servers),
                    provider=identity_provider,
                )
                yield

    app = FastAPI(
        title="Signoff", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None
    )
    for router in _ROUTERS:
        # As they are: `include_router` would hide them from `check_routes`.
        app.router.routes.extend(router.routes)
    app.mount("/static", Assets(), name="static")
    app.add_middleware(SameOrigin, public_url=settings.web_url)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Measured)
    problems.add_handlers(app)
    check_routes(app)
    return app
