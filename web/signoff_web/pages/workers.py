"""The workers of the queue, and the switch that pauses them."""

from datetime import timedelta
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from signoff_ops import queue_control
from signoff_ops.operating import Operator
from signoff_ops.queue_control import (
    InvalidPauseError,
    QueueNotPausedError,
    QueuePausedError,
)
from signoff_ops.status import queue_status
from signoff_ops.values import WorkerState
from signoff_schemas import SignoffError
from signoff_schemas.access import Scope
from signoff_web.access import Acting, requires
from signoff_web.context import Context, InContext
from signoff_web.forms import Form, InForm
from signoff_web.pause_watch import Shown
from signoff_web.templating import page

router = APIRouter()
_MINUTES: Final = {"15": 15, "60": 60, "240": 240, "1440": 1440}
"""The times of the form after which a pause ends by itself."""
_WORKING: Final = {
    "busy": ("works on a batch", "ok"),
    "idle": ("waits for events", "ok"),
    "started": ("has started", "ok"),
}
"""The states of RQ in which a worker works, in words."""
_HERE: Final = "/ops/workers"
_FRAGMENT: Final = "hx-request"


@router.get(_HERE, dependencies=[requires(Scope.READ)])
def workers(request: Request, context: InContext, done: str = "") -> Response:
    """Each worker, what it does and what to do; what changes alone, where a script asks."""
    return _page(request, context, done=done if done in {"paused", "resumed"} else "")


@router.post("/ops/queue/pause", dependencies=[requires(Scope.OPERATE)])
def pause(request: Request, context: InContext, acting: Acting, form: InForm) -> Response:
    """Pause all workers, for a reason."""
    minutes = _MINUTES.get(form.one("minutes"))
    try:
        queue_control.pause(
            context.servers,
            Operator(acting.actor, form.one("reason")),
            lasting=timedelta(minutes=minutes) if minutes else None,
        )
    except (InvalidPauseError, QueuePausedError) as error:
        return _refused(request, context, form, error)
    return _done(context, "paused")


@router.post("/ops/queue/resume", dependencies=[requires(Scope.OPERATE)])
def resume(request: Request, context: InContext, acting: Acting, form: InForm) -> Response:
    """Let the workers go on, for a reason."""
    try:
        queue_control.resume(context.servers, Operator(acting.actor, form.one("reason")))
    except (InvalidPauseError, QueueNotPausedError) as error:
        return _refused(request, context, form, error)
    return _done(context, "resumed")


def _done(context: Context, what: str) -> Response:
    context.pauses.changed()
    return RedirectResponse(f"{_HERE}?done={what}", HTTPStatus.SEE_OTHER)


def _refused(request: Request, context: Context, form: Form, error: SignoffError) -> Response:
    """The page as it is now, with a sentence about what was not done."""
    return _page(
        request, context, error=str(error), typed=form.one("reason"), status=HTTPStatus.CONFLICT
    )


def _page(
    request: Request,
    context: Context,
    *,
    done: str = "",
    error: str | None = None,
    typed: str = "",
    status: int = HTTPStatus.OK,
) -> Response:
    found = queue_status(context.servers)
    paused = found.pause is not None
    return page(
        request,
        "ops/workers_view.html" if _FRAGMENT in request.headers else "ops/workers.html",
        status=status,
        queue=found,
        workers=[(worker, *in_words(worker, paused=paused)) for worker in found.workers],
        paused=Shown(found.pause),
        may_operate=Scope.OPERATE in request.state.identity.scopes,
        redeliver_after=context.settings.redeliver_after,
        longest=queue_control.LONGEST_REASON,
        done=done,
        error=error,
        typed=typed[: queue_control.LONGEST_REASON],
    )


def in_words(worker: WorkerState, *, paused: bool) -> tuple[str, str]:
    """The state of a worker in words, and how bad it is.

    A worker tells its state with each heartbeat, so it may be one behind the queue's switch.
    """
    if not worker.live:
        return ("silent" if worker.state == "silent" else "stuck"), "trouble"
    if worker.state == "suspended":
        return ("paused", "attention") if paused else ("resuming…", "quiet")
    if not worker.ready:
        return "not ready", "attention"
    if paused:
        return "pausing…", "quiet"
    return _WORKING.get(worker.state, (worker.state, "quiet"))
