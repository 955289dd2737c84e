"""The application: its routes, and what is opened and closed with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, FastAPI

from signoff_ops.servers import PooledServers
from signoff_schemas import Settings
from signoff_web import problems
from signoff_web.access import check_routes
from signoff_web.api import (
    actions,
    contract,
    customers,
    dead_letters,
    events,
    feed,
    interactions,
    letter_editing,
    operations,
    publishing,
    queue,
    reviewing,
    reviews,
    service,
)
from signoff_web.api import insight as api_insight
from signoff_web.api import outbox as api_outbox
from signoff_web.assets import Assets
from signoff_web.context import Authenticate
from signoff_web.opening import opened
from signoff_web.pages import (
    account,
    audit,
    causes,
    desk,
    desk_acts,
    find,
    history,
    home,
    insight,
    keys,
    letter_acts,
    letter_edit,
    letters,
    outbox,
    provider,
    replays,
    sign_in,
    team,
    transition_acts,
    transition_rules,
    transitions,
    users,
    workers,
)
from signoff_web.service import Service

if TYPE_CHECKING:
    from signoff_web.oidc import Provider

_ROUTERS: Final[tuple[APIRouter, ...]] = (
    service.router,
    home.router,
    workers.router,
    outbox.router,
    replays.router,
    team.router,
    desk.router,
    desk_acts.router,
    sign_in.router,
    provider.router,
    account.router,
    users.router,
    keys.router,
    causes.router,
    letter_acts.router,
    letter_edit.router,
    letters.router,
    history.router,
    find.router,
    audit.router,
    insight.router,
    transition_rules.router,
    transition_acts.router,
    transitions.router,
    contract.router,
    publishing.router,
    events.router,
    customers.router,
    interactions.router,
    api_insight.router,
    dead_letters.router,
    operations.router,
    queue.router,
    api_outbox.router,
    letter_editing.router,
    actions.router,
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
        async with opened(settings, servers, authenticate, identity_provider) as context:
            app.state.context = context
            yield

    app = Service(settings, lifespan)
    for router in _ROUTERS:
        # As they are: `include_router` would hide them from `check_routes`.
        app.router.routes.extend(router.routes)
    app.mount("/static", Assets(), name="static")
    app.complete()
    problems.add_handlers(app)
    check_routes(app)
    return app
