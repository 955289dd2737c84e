"""`/v1/queue`, `/v1/workers`, `/v1/outbox`: what waits and who works; pause, resume, try again."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field

from signoff_ops import queue_control
from signoff_ops.operating import Operator
from signoff_ops.outbox import outbox_state, requeue_refused
from signoff_ops.outbox_letters import dead_letter_refused
from signoff_ops.queue_control import LONGEST_PAUSE, LONGEST_REASON, pause_data
from signoff_ops.refused import Refused
from signoff_ops.status import QueueStatus, queue_status
from signoff_schemas.access import Scope
from signoff_web.access import Acting, requires
from signoff_web.api.answers import Cursor, JSONAnswer, Limit, listed, refusals
from signoff_web.api.json_bodies import Body, parsed
from signoff_web.api.models import Model
from signoff_web.api.parameters import ONLY_KNOWN
from signoff_web.api.review_requests import JSONBody
from signoff_web.context import InContext

router = APIRouter(dependencies=[ONLY_KNOWN], tags=["Queue"])
_MOST_CHOSEN: Final = 1000
Reason = Annotated[str, Field(min_length=1, max_length=LONGEST_REASON, pattern=r"\S")]


class Pause(Model):
    """Workers are paused."""

    by: str | None
    """Who paused them; null if it was not Signoff, as with `rq suspend`."""
    since: datetime | None
    reason: str | None
    until: datetime | None
    """When it ends by itself; null if it does not."""


class Queue(Model):
    """The queue."""

    queue: str
    waiting: int
    in_flight: int
    scheduled: int
    """Retries that are due later."""
    oldest_waiting_seconds: float | None
    """How long the first job has waited; null if none waits, or that is not known."""
    next_retry_at: datetime | None
    workers: int
    """Those that are registered."""
    workers_ready: int
    pause: Pause | None
    """Null if workers are not paused."""


class Worker(Model):
    """A worker of the queue."""

    name: str
    state: str
    """As RQ has it; `silent` where heartbeats have stopped."""
    host: str | None
    pid: int | None
    last_heartbeat: datetime | None
    heartbeat_age: float | None
    """Seconds."""
    successful: int
    """Jobs that it applied since it started; duplicates are among them."""
    failed: int
    """Jobs that it dead-lettered."""
    live: bool
    """Whether its main loop makes progress."""
    ready: bool
    """Whether it applies what it takes."""
    waits_for: str | None


class Workers(Model):
    """The workers of the queue."""

    items: list[Worker]


class RefusedEvent(Model):
    """An event of the outbox that the queue refuses."""

    event_id: UUID
    event: str
    """Its first 2,000 characters."""
    characters: int
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


class PauseBody(Body):
    """Why, and for how long."""

    reason: Reason
    """Why; it is noted in `operator_actions`, and everybody sees it."""
    seconds: Annotated[
        float | None, Field(ge=1, le=LONGEST_PAUSE.total_seconds(), allow_inf_nan=False)
    ] = None
    """After how many seconds workers go on by themselves; null for never."""


class ResumeBody(Body):
    """Why."""

    reason: Reason
    """Why; it is noted in `operator_actions`."""


class RequeueBody(Body):
    """Which, and why."""

    reason: Reason
    """Why; it is noted in `operator_actions`."""
    events: Annotated[list[UUID], Field(min_length=1, max_length=_MOST_CHOSEN)] | None = None
    """Ids of refused events; null for all, the oldest 10,000."""


def _takes(model: type[Body]) -> dict[str, Any]:
    """The description of a body."""
    schema = model.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_BODIES: Final = refusals(
    _400="The body is not what its Content-Encoding says.",
    _408="The body did not come in time.",
    _413="The body is too large.",
    _415="The body is no JSON.",
)


@router.get(
    "/v1/queue", dependencies=[requires(Scope.READ)], response_model=Queue, summary="The queue"
)
def queue(context: InContext) -> JSONAnswer:
    """What waits, who works, and whether workers are paused, by whom and why."""
    return JSONAnswer(_queue_data(queue_status(context.servers)))


@router.post(
    "/v1/queue/pause",
    dependencies=[requires(Scope.OPERATE)],
    response_model=Pause,
    responses=_BODIES | refusals(_409="Workers are paused already; `detail` says by whom."),
    openapi_extra=_takes(PauseBody),
    summary="Pause the workers",
)
def pause(context: InContext, acting: Acting, body: JSONBody) -> JSONAnswer:
    """Workers finish what they hold and take nothing more; publishing goes on.

    It holds for all workers of the Redis, those of other queues too.
    """
    wanted = parsed(PauseBody, body)
    lasting = None if wanted.seconds is None else timedelta(seconds=wanted.seconds)
    begun = queue_control.pause(
        context.servers, Operator(acting.actor, wanted.reason), lasting=lasting
    )
    context.pauses.changed()
    return JSONAnswer(pause_data(begun))


@router.post(
    "/v1/queue/resume",
    dependencies=[requires(Scope.OPERATE)],
    response_model=Pause,
    responses=_BODIES | refusals(_409="Workers are not paused."),
    openapi_extra=_takes(ResumeBody),
    summary="Let the workers go on",
)
def resume(context: InContext, acting: Acting, body: JSONBody) -> JSONAnswer:
    """Ends the pause, whoever began it; the answer is the pause that has ended."""
    wanted = parsed(ResumeBody, body)
    ended = queue_control.resume(context.servers, Operator(acting.actor, wanted.reason))
    context.pauses.changed()
    return JSONAnswer(pause_data(ended))


@router.get(
    "/v1/workers",
    dependencies=[requires(Scope.READ)],
    response_model=Workers,
    summary="The workers",
)
def workers(context: InContext) -> JSONAnswer:
    """The workers of the queue by name, and what each waits for."""
    found = queue_status(context.servers)
    return JSONAnswer({"items": [asdict(worker) for worker in found.workers]})


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
    responses=_BODIES | refusals(_409="None of these events is refused (any more)."),
    openapi_extra=_takes(RequeueBody),
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
    responses=_BODIES | refusals(_409="None of these events is refused (any more)."),
    openapi_extra=_takes(RequeueBody),
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


def _queue_data(found: QueueStatus) -> dict[str, Any]:
    counts = found.counts
    return {
        "queue": found.queue,
        "waiting": counts.waiting,
        "in_flight": counts.in_flight,
        "scheduled": counts.scheduled,
        "oldest_waiting_seconds": found.oldest_waiting,
        "next_retry_at": found.next_retry_at,
        "workers": len(found.workers),
        "workers_ready": sum(worker.ready for worker in found.workers),
        "pause": found.pause and pause_data(found.pause),
    }
