"""What a reviewer does with a review: approve, reject, skip, undo; and what the desk does itself.

The scripts of the desk ask for JSON, and get problem documents. A browser without scripts sends the
same forms and is led to the next page.
"""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from signoff_ops import review_desk, reviews
from signoff_ops.queue_outage import queue_outage
from signoff_ops.reviews import ReviewState
from signoff_ops.servers import Servers
from signoff_schemas import InvalidEvent
from signoff_schemas.access import Scope
from signoff_web.access import Acting, requires
from signoff_web.context import InContext
from signoff_web.pages import desk_view
from signoff_web.pages.desk_fields import Fields, InForm
from signoff_web.pages.desk_words import in_form, labelled
from signoff_web.problems import wants_page

router = APIRouter(prefix="/desk/{interaction_id}", dependencies=[requires(Scope.REVIEW)])


@router.post("/approve")
def approve(
    request: Request, context: InContext, acting: Acting, interaction_id: UUID, form: InForm
) -> Response:
    """Approve what the form holds; sent again, it gives the same answer."""
    servers = context.servers
    try:
        effect = _effect(servers, interaction_id, acting.name, form.fields)
        answer = reviews.approve(
            servers, interaction_id, acting.name, form.fields.body, revision=form.revision
        )
    except InvalidEvent as error:
        if wants_page(request):
            held = desk_view.opened(servers, interaction_id, acting.name)
            item = desk_view.typed(held, form.fields)
            errors = {problem.path or "form": str(problem) for problem in labelled(error)}
            return desk_view.whole(request, servers, acting.name, item, status=422, errors=errors)
        raise in_form(error) from None
    if wants_page(request):
        return RedirectResponse("/desk", 303)
    return JSONResponse(desk_view.decided(answer, effect, queue_outage(servers)))


@router.post("/reject")
def reject(
    request: Request, context: InContext, acting: Acting, interaction_id: UUID, form: InForm
) -> Response:
    """Reject the draft with a reason; sent again, it gives the same answer."""
    try:
        answer = reviews.reject(
            context.servers, interaction_id, acting.name, form.reason, revision=form.revision
        )
    except InvalidEvent as error:
        raise in_form(error) from None
    if wants_page(request):
        return RedirectResponse("/desk", 303)
    return JSONResponse(desk_view.decided(answer, None, None))


@router.post("/skip")
def skip(request: Request, context: InContext, acting: Acting, interaction_id: UUID) -> Response:
    """Give the review back, not to be offered to this reviewer for a while."""
    reviews.skip(context.servers, interaction_id, acting.name)
    return RedirectResponse("/desk", 303) if wants_page(request) else Response(status_code=204)


@router.post("/undo")
def undo(request: Request, context: InContext, acting: Acting, interaction_id: UUID) -> Response:
    """Take the decision back; the reviewer holds the review again."""
    claimed = reviews.undo(context.servers, interaction_id, acting.name)
    if wants_page(request):
        return RedirectResponse(f"/desk/{interaction_id}", 303)
    return desk_view.fragment(request, desk_view.shown(context.servers, claimed))


@router.post("/draft")
def draft(context: InContext, acting: Acting, interaction_id: UUID, form: InForm) -> Response:
    """Keep what is typed."""
    reviews.keep_draft(context.servers, interaction_id, acting.name, form.fields.draft)
    return Response(status_code=204)


@router.post("/renew")
def renew(context: InContext, acting: Acting, interaction_id: UUID) -> Response:
    """Prolong the lease of a review that is open, or held beforehand."""
    reviews.renew(context.servers, interaction_id, acting.name)
    return Response(status_code=204)


@router.post("/release")
def release(context: InContext, acting: Acting, interaction_id: UUID) -> Response:
    """Give the review back: the reviewer left it."""
    reviews.release(context.servers, interaction_id, acting.name)
    return Response(status_code=204)


def _effect(servers: Servers, interaction_id: UUID, reviewer: str, fields: Fields) -> str | None:
    """What the approval is about to do; None if it was made already, and this is a repetition."""
    review = reviews.review(servers, interaction_id)
    if review is None or review.state is not ReviewState.PENDING:
        return None
    return review_desk.after_approval(servers, interaction_id, reviewer, fields.body).text
