"""What the routes share: settings, connections, and how requests are authenticated."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, TypeAlias

from fastapi import Depends, Request

from signoff_ops.insight_figures import InsightFigures
from signoff_ops.servers import Servers
from signoff_ops.verdict_watch import VerdictWatch
from signoff_producer.requests import RequestProducer
from signoff_schemas import Settings
from signoff_schemas.access import Identity
from signoff_web.contexts import Contexts
from signoff_web.live import Sampler
from signoff_web.measuring import Requests
from signoff_web.pause_watch import PauseWatch
from signoff_web.readiness import Readiness
from signoff_web.sign_in_limits import SignInLimits
from signoff_web.streams import Followers

if TYPE_CHECKING:
    from signoff_web.oidc import Provider
    from signoff_web.rates import Rates

Authenticate: TypeAlias = Callable[[Request], Awaitable[Identity | None]]
"""Tells whose request it is; None if nobody is named.

Raises `ProblemError` where a key or a session is named that is not valid.
"""


@dataclass(frozen=True, slots=True)
class Context:
    """One for each app; routes get it as the argument `context: InContext`."""

    settings: Settings
    servers: Servers
    producer: RequestProducer
    authenticate: Authenticate
    sign_in_limits: SignInLimits
    verdicts: VerdictWatch
    rates: "Rates"
    live: Sampler
    pauses: PauseWatch
    customers: InsightFigures
    contexts: Contexts
    readiness: Readiness = field(default_factory=Readiness)
    requests: Requests = field(default_factory=Requests)
    followers: Followers = field(default_factory=Followers)
    provider: "Provider | None" = None
    """The identity provider by which people sign in, where one is set."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the service is to end: streams end themselves then."""


def context_of(request: Request) -> Context:
    """The context of the app that serves this request."""
    context: Context = request.app.state.context
    return context


InContext: TypeAlias = Annotated[Context, Depends(context_of)]
