"""What supervisors see of the review desk, and do: take a review over, or give it to somebody."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from signoff_ops import review_desk, reviews
from signoff_schemas.access import Scope
from signoff_web.access import Acting, requires
from signoff_web.context import InContext
from signoff_web.pages.desk_fields import InForm
from signoff_web.templating import page

router = APIRouter(prefix="/desk/team", dependencies=[requires(Scope.OPERATE)])
_FRAGMENT: Final = "hx-request"


@router.get("")
def team(request: Request, context: InContext) -> Response:
    """Who holds what, how long reviews wait, what was decided today, which drafts were returned."""
    view = review_desk.supervisor_view(context.servers)
    template = "desk/team_view.html" if _FRAGMENT in request.headers else "desk/team.html"
    return page(request, template, view=view)


@router.post("/{interaction_id}/take-over")
def take_over(context: InContext, acting: Acting, interaction_id: UUID) -> Response:
    """Hold a review that another reviewer holds."""
    reviews.take_over(context.servers, interaction_id, acting.name, acting.actor)
    return RedirectResponse("/desk/team", 303)


@router.post("/{interaction_id}/reassign")
def reassign(context: InContext, acting: Acting, interaction_id: UUID, form: InForm) -> Response:
    """Give a review to another reviewer."""
    reviews.reassign(context.servers, interaction_id, form.to, acting.actor)
    return RedirectResponse("/desk/team", 303)
