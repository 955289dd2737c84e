"""The first page: leads to the page that somebody works on."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from signoff_schemas.access import Scope
from signoff_web.access import Acting, requires
from signoff_web.navigation import links_of

router = APIRouter(dependencies=[requires(Scope.READ)])


@router.get("/")
def home(identity: Acting) -> Response:
    """Go to the first page of the header, or to the own account."""
    links = links_of(identity)
    return RedirectResponse(links[0].path if links else "/account", HTTPStatus.SEE_OTHER)
