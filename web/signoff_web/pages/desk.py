"""The review desk: the queue and the open review.

Opening a review claims it. A page is answered to a browser that follows a link; the scripts of the
desk ask for the review alone (header `Desk-Fragment`), and show it in its place.
"""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from signoff_ops import review_desk, reviews
from signoff_schemas import InvalidEvent
from signoff_schemas.access import Scope
from signoff_schemas.invalid import Problem
from signoff_web.access import Acting, requires
from signoff_web.context import InContext
from signoff_web.pages import desk_view
from signoff_web.pages.desk_fields import InForm
from signoff_web.pages.desk_words import labelled
from signoff_web.templating import page

_MOST_IN_TABS: Final = 200
router = APIRouter(prefix="/desk", dependencies=[requires(Scope.REVIEW)])


@router.get("")
def desk(request: Request, context: InContext, acting: Acting) -> Response:
    """Lead to the review that the reviewer holds, or else to the next one."""
    servers = context.servers
    held = reviews.held_by(servers, acting.name)
    if held is None:
        claimed = reviews.claim(servers, None, acting.name)
        if claimed is None:
            return desk_view.whole(request, servers, acting.name, None)
        held = claimed.review.interaction_id
    return RedirectResponse(f"/desk/{held}", 303)


@router.get("/queue")
def queue(request: Request, context: InContext, acting: Acting, of: UUID | None = None) -> Response:
    """The queue; `of` is the review that is open."""
    values = desk_view.queue_values(context.servers, acting.name)
    return page(request, "desk/queue.html", open_id=of, **values)


@router.get("/decisions")
def decisions(request: Request, context: InContext, acting: Acting) -> Response:
    """What became of the reviewer's last decisions."""
    values = desk_view.decisions_values(context.servers, acting.name)
    return page(request, "desk/decisions.html", **values)


@router.get("/empty")
def empty(request: Request, context: InContext, acting: Acting) -> Response:
    """What stands in the place of a review when none waits that the reviewer may have."""
    waiting = reviews.waiting_reviews(context.servers, acting.name)
    return page(request, "desk/empty.html", waiting=waiting)


@router.post("/next")
def following(
    request: Request,
    context: InContext,
    acting: Acting,
    besides: Annotated[tuple[UUID, ...], Query(max_length=_MOST_IN_TABS)] = (),
) -> Response:
    """Hold the next review for the reviewer before it is shown; 204 if there is none.

    `besides` names the reviews that tabs of the reviewer have.
    """
    claimed = reviews.claim_ahead(context.servers, acting.name, besides)
    if claimed is None:
        return Response(status_code=204)
    return desk_view.fragment(request, desk_view.shown(context.servers, claimed))


@router.get("/{interaction_id}")
def one(request: Request, context: InContext, acting: Acting, interaction_id: UUID) -> Response:
    """Open a review: claim it, or show who holds it. The time of its review begins now."""
    item = desk_view.opened(context.servers, interaction_id, acting.name)
    if "desk-fragment" in request.headers:
        return desk_view.fragment(request, item)
    return desk_view.whole(request, context.servers, acting.name, item)


@router.post("/{interaction_id}/preview")
def preview(
    request: Request, context: InContext, acting: Acting, interaction_id: UUID, form: InForm
) -> Response:
    """What an approval with this status and amount would do."""
    effect, problems = None, tuple[Problem, ...]()
    try:
        effect = review_desk.after_approval(
            context.servers, interaction_id, acting.name, form.fields.effect
        )
    except InvalidEvent as error:
        problems = labelled(error)
    return page(request, "desk/effect.html", effect=effect, problems=problems)
