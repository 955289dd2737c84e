"""`/v1/queue` and `/v1/workers`: what waits and who works; pause, resume."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AfterValidator, Field

from signoff_ops import queue_control
from signoff_ops.operating import Operator
from signoff_ops.queue_control import LONGEST_PAUSE, LONGEST_REASON, pause_data
from signoff_ops.status import QueueStatus, queue_status
from signoff_schemas.access import Scope
from signoff_web.access import Acting, requires
from signoff_web.api.answers import JSONAnswer, refusals
from signoff_web.api.encoded import text as storable
from signoff_web.api.json_bodies import REFUSED_BODIES, Body, parsed, takes
from signoff_web.api.models import Model
from signoff_web.api.parameters import ONLY_KNOWN
from signoff_web.api.review_requests import JSONBody
from signoff_web.context import InContext

router = APIRouter(dependencies=[ONLY_KNOWN], tags=["Queue"])
Reason = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_REASON, pattern=r"\S"),
    AfterValidator(storable),
]


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
    responses=REFUSED_BODIES | refusals(_409="Workers are paused already; `detail` says by whom."),
    openapi_extra=takes(PauseBody),
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
    responses=REFUSED_BODIES | refusals(_409="Workers are not paused."),
    openapi_extra=takes(ResumeBody),
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
