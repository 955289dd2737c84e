"""`/v1/outbox`: what waits and what the queue refuses; try again, move to the dead letters."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field

from signoff_ops.operating import Operator
from signoff_ops.outbox import outbox_state, requeue_refused
from signoff_ops.outbox_letters import dead_letter_refused
from signoff_ops.refused import Refused
from signoff_schemas.access import Scope
from signoff_web.access import Acting, requires
from signoff_web.api.answers import Cursor, JSONAnswer, Limit, listed, refusals
from signoff_web.api.json_bodies import REFUSED_BODIES, Body, parsed, takes
from signoff_web.api.models import Model
from signoff_web.api.parameters import ONLY_KNOWN
from signoff_web.api.queue import Reason
from signoff_web.api.review_requests import JSONBody
from signoff_web.context import InContext

router = APIRouter(dependencies=[ONLY_KNOWN], tags=["Queue"])
_MOST_CHOSEN: Final = 1000


class RefusedEvent(Model):
    """An event of the outbox that the queue refuses."""

    event_id: UUID
    event: str
    """Its first 2,000 characters."""
    characters: int
    bytes: int
    """How many it has; one that has more than an event may have is not read."""
    added_at: datetime
    refused: str
    """Why."""
    now: Literal["valid", "invalid", "conflict", "unchecked"]
    """What it holds now, checked again: `valid` can be tried again; `conflict` is valid, and was
    refused since another event had its id; `unchecked` where the page was too large."""
    text: str
    """Why it was refused, and how that is now."""


class Outbox(Model):
    """The outbox."""

    exists: bool
    waiting: int | None
    """Null where there is no outbox."""
    due_later: int | None
    """Of the 10,000 oldest that wait."""
    oldest_due_at: datetime | None
    """Since when the oldest one could have been published; null if none could."""
    refused: int | None
    items: list[RefusedEvent]
    """Those that are refused, the oldest first."""
    next: str | None
    """The cursor of the next page; null at the end."""


class Requeued(Model):
    """What was done."""

    requeued: int


class Moved(Model):
    """What became of refused events."""

    moved: int
    """They are dead letters."""
    valid: int
    """Not moved: they are valid now, and can be tried again."""
    too_large: int
    """Not moved: they are too large for a dead letter."""


class RequeueBody(Body):
    """Which, and why."""

    reason: Reason
    """Why; it is noted in `operator_actions`."""
    events: Annotated[list[UUID], Field(min_length=1, max_length=_MOST_CHOSEN)] | None = None
    """Ids of refused events; null for all, the oldest 10,000."""


@router.get(
    "/v1/outbox", dependencies=[requires(Scope.READ)], response_model=Outbox, summary="The outbox"
)
def outbox(
    request: Request, context: InContext, limit: Limit = 50, cursor: Cursor = None
) -> JSONAnswer:
    """What waits in it, and a page of what the queue refuses, the oldest first."""
    found = outbox_state(context.servers, limit=limit, cursor=cursor)
    overview, waiting, refused = found.overview, found.waiting, found.refused
    return listed(
        request,
        {
            "exists": overview is not None,
            "waiting": overview and overview.waiting,
            "due_later": waiting and waiting.later,
            "oldest_due_at": waiting and waiting.oldest_due_at,
            "refused": overview and overview.refused,
            "items": [_refused_data(one) for one in refused.items] if refused else [],
            "next": refused.next if refused else None,
        },
    )


@router.post(
    "/v1/outbox/requeue",
    dependencies=[requires(Scope.OPERATE)],
    response_model=Requeued,
    responses=REFUSED_BODIES | refusals(_409="None of these events is refused (any more)."),
    openapi_extra=takes(RequeueBody),
    summary="Try refused events again",
)
def requeue(context: InContext, acting: Acting, body: JSONBody) -> JSONAnswer:
    """Give refused events to the relay again; what the queue still refuses is refused again."""
    wanted = parsed(RequeueBody, body)
    number = requeue_refused(context.servers, wanted.events, Operator(acting.actor, wanted.reason))
    return JSONAnswer({"requeued": number})


@router.post(
    "/v1/outbox/dead-letter",
    dependencies=[requires(Scope.OPERATE)],
    response_model=Moved,
    responses=REFUSED_BODIES | refusals(_409="None of these events is refused (any more)."),
    openapi_extra=takes(RequeueBody),
    summary="Move refused events to the dead letters",
)
def dead_letter(context: InContext, acting: Acting, body: JSONBody) -> JSONAnswer:
    """They are dead letters then, to be edited or discarded; what is valid now is not moved."""
    wanted = parsed(RequeueBody, body)
    operator = Operator(acting.actor, wanted.reason)
    return JSONAnswer(asdict(dead_letter_refused(context.servers, wanted.events, operator)))


def _refused_data(one: Refused) -> dict[str, Any]:
    data = asdict(one.event) | {"now": one.now, "text": one.text}
    del data["whole"]
    return data
