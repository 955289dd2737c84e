"""The outbox: what waits in it, and what the queue refuses and why."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from signoff_ops.operating import Operator
from signoff_ops.outbox import (
    MOST_LOOKED_AT,
    NothingRefusedError,
    outbox_state,
    requeue_refused,
)
from signoff_ops.outbox_letters import Moved, dead_letter_refused
from signoff_ops.queue_control import LONGEST_REASON
from signoff_schemas import SignoffError
from signoff_schemas.access import Scope
from signoff_web.access import Acting, requires
from signoff_web.context import Context, InContext
from signoff_web.forms import Form, InForm
from signoff_web.templating import page

router = APIRouter(prefix="/ops/outbox")
_PAGE: Final = 40
"""Fewer than a form has fields."""
_FRAGMENT: Final = "hx-request"
_MOST: Final = 1_000_000
Number = Annotated[int, Query(ge=0, le=_MOST)]


class ChoiceError(SignoffError):
    """What the form says cannot be done."""


@router.get("", dependencies=[requires(Scope.READ)])
def outbox(  # noqa: PLR0917 -- what the address may hold
    request: Request,
    context: InContext,
    after: str | None = None,
    done: Number = 0,
    moved: Number | None = None,
    valid: Number = 0,
    too_large: Number = 0,
) -> Response:
    """What waits, and a page of what is refused; the figures alone, where a script asks."""
    if _FRAGMENT in request.headers:
        found = outbox_state(context.servers, limit=1)
        if found.overview:
            return page(request, "ops/outbox_figures.html", outbox=found, most=MOST_LOOKED_AT)
    became = None if moved is None else Moved(moved, valid, too_large)
    return _page(request, context, after=after, done=done, moved=became)


@router.post("/requeue", dependencies=[requires(Scope.OPERATE)])
def requeue(request: Request, context: InContext, acting: Acting, form: InForm) -> Response:
    """Try refused events again: the chosen ones, or all."""
    try:
        reason = _reason(form)
        chosen = None if form.one("which") == "all" else _chosen(form)
        number = requeue_refused(context.servers, chosen, Operator(acting.actor, reason))
    except (ChoiceError, NothingRefusedError) as error:
        return _page(request, context, error=str(error), form=form, status=HTTPStatus.CONFLICT)
    return RedirectResponse(f"/ops/outbox?done={number}", HTTPStatus.SEE_OTHER)


@router.post("/dead-letter", dependencies=[requires(Scope.OPERATE)])
def dead_letter(request: Request, context: InContext, acting: Acting, form: InForm) -> Response:
    """Move refused events to the dead letters: the chosen ones, or all."""
    try:
        reason = _reason(form)
        chosen = None if form.one("which") == "all" else _chosen(form)
        moved = dead_letter_refused(context.servers, chosen, Operator(acting.actor, reason))
    except (ChoiceError, NothingRefusedError) as error:
        return _page(request, context, error=str(error), form=form, status=HTTPStatus.CONFLICT)
    return RedirectResponse(f"/ops/outbox?{urlencode(asdict(moved))}", HTTPStatus.SEE_OTHER)


def _reason(form: Form) -> str:
    reason = form.one("reason").strip()
    if not reason:
        raise ChoiceError("a reason is wanted: others will read why")
    if len(reason) > LONGEST_REASON:
        raise ChoiceError(f"a reason has at most {LONGEST_REASON} characters")
    return reason


def _chosen(form: Form) -> list[UUID]:
    try:
        chosen = [UUID(text) for text in form.all("event")]
    except ValueError:
        raise ChoiceError("one of the chosen events is no event id") from None
    if not chosen:
        raise ChoiceError("no event is chosen: choose some, or take all")
    return chosen


def _page(
    request: Request,
    context: Context,
    *,
    after: str | None = None,
    done: int = 0,
    moved: Moved | None = None,
    error: str | None = None,
    form: Form | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    found = outbox_state(context.servers, limit=_PAGE, cursor=after)
    older = found.refused.next if found.refused else None
    return page(
        request,
        "ops/outbox.html",
        status=status,
        outbox=found,
        most=MOST_LOOKED_AT,
        after=after,
        next_page=f"/ops/outbox?after={quote(older, safe='')}" if older else None,
        may_operate=Scope.OPERATE in request.state.identity.scopes,
        longest=LONGEST_REASON,
        done=done,
        moved=moved,
        error=error,
        typed=form.one("reason")[:LONGEST_REASON] if form else "",
        chosen=form.all("event") if form else [],
    )
