"""The first page: how everything is, for those who operate; others are led to where they work."""

import json
from collections.abc import AsyncIterator
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from signoff_schemas.access import Scope
from signoff_web.access import Acting, requires
from signoff_web.context import InContext, context_of
from signoff_web.following import CHECK_EVERY, Following, StillAllowed, allowed_as_far_as_known
from signoff_web.live import Sample
from signoff_web.navigation import links_of, operations_of
from signoff_web.pause_watch import Shown
from signoff_web.streams import Ending, event_text
from signoff_web.templating import TEMPLATES, page

router = APIRouter(dependencies=[requires(Scope.READ)])
_VIEW: Final = "ops/health_view.html"
_NO_BANNER: Final = Shown()
"""The sentence and its reasons tell of a pause."""


@router.get("/")
async def home(request: Request, context: InContext, identity: Acting) -> Response:
    """How everything is now; whoever does not see the console goes to the desk, or the account."""
    if not operations_of(identity):
        links = links_of(identity)
        return RedirectResponse(links[0].path if links else "/account", HTTPStatus.SEE_OTHER)
    sample = await context.live.latest()
    return page(request, "ops/health.html", paused=_NO_BANNER, **_values(sample))


@router.get("/ops/live")
async def live(request: Request) -> Response:
    """The figures, again and again, as server-sent events; they end when the service stops."""
    return Following(request, partial(_events, request))


async def _events(request: Request, ending: Ending) -> AsyncIterator[bytes]:
    """The series of the last minutes, then the figures each time there are new ones."""
    context = context_of(request)
    still = StillAllowed(request, Scope.READ)
    sent = 0
    while await allowed_as_far_as_known(still):
        sample = await ending.or_done(context.live.latest())
        if sample is None:
            return
        if not sent:
            yield event_text(data=json.dumps(context.live.series), kind="series")
        if sample.number != sent:
            sent = sample.number
            yield event_text(data=_told(sample), kind="sample")
        if await ending.wait(min(context.live.due_in + 0.01, CHECK_EVERY)):
            return


def _told(sample: Sample) -> str:
    """A sample for the page's script: its view, as the page itself holds it, and its point."""
    view = TEMPLATES.get(_VIEW).render(**_values(sample))
    return json.dumps({"view": view, "point": sample.point})


def _values(sample: Sample) -> dict[str, Any]:
    found = sample.status
    return {"sample": sample, "found": found, "queue": found.queue, "state": found.state}
