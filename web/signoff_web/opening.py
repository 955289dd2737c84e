"""What the routes share is opened when the service starts, and closed when it ends."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import TYPE_CHECKING, Final

from signoff_ops.insight_figures import InsightFigures
from signoff_ops.key_ring import KeyRing
from signoff_ops.rates import add_to_counts
from signoff_ops.servers import PooledServers, Servers
from signoff_ops.verdict_watch import VerdictWatch
from signoff_producer.requests import RequestProducer
from signoff_schemas import Settings
from signoff_web.authentication import Authentication
from signoff_web.context import Authenticate, Context
from signoff_web.contexts import Contexts
from signoff_web.live import Sampler
from signoff_web.pause_watch import PauseWatch
from signoff_web.rates import Rates
from signoff_web.sign_in_limits import SignInLimits

if TYPE_CHECKING:
    from signoff_web.oidc import Provider

_PUBLISH_SECONDS: Final = 10.0
"""Seconds that a publish may take in all, unless SIGNOFF_PUBLISH_TIMEOUT says otherwise."""


@asynccontextmanager
async def opened(
    settings: Settings,
    servers: PooledServers,
    authenticate: Authenticate | None,
    provider: "Provider | None",
) -> AsyncIterator[Context]:
    """The context of an app, while it serves."""
    verdicts = VerdictWatch(servers)
    rates = Rates(settings.rate_limit, partial(_add_up, servers))
    with servers, closing(verdicts), KeyRing(servers) as ring:
        async with RequestProducer(settings=_publishing(settings)) as producer:
            context = Context(
                settings,
                servers,
                producer,
                authenticate or Authentication(servers, ring),
                SignInLimits(servers),
                verdicts,
                rates,
                Sampler(servers),
                PauseWatch(servers),
                InsightFigures(servers),
                Contexts(servers),
                provider=provider,
            )
            settling = asyncio.create_task(rates.settle_forever())
            stopping = asyncio.create_task(_answer_who_waits(context))
            yield context
            settling.cancel()
            stopping.cancel()


async def _answer_who_waits(context: Context) -> None:
    """When the service stops, answer those who wait for a verdict."""
    await context.stopping.wait()
    context.verdicts.give_up()


def _publishing(settings: Settings) -> Settings:
    """The settings of the producer, whose answer says whether the queue has the event.

    None is kept in a spool instead, and nobody waits for an answer without end.
    """
    timeout = settings.publish_timeout or _PUBLISH_SECONDS
    return settings.model_copy(update={"spool": False, "publish_timeout": timeout})


async def _add_up(servers: Servers, counts: Mapping[str, int], window: int) -> Mapping[str, int]:
    return await asyncio.to_thread(add_to_counts, servers, counts, window)
