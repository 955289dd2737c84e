"""The search box of the header: leads to the page of whatever has an id."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from signoff_ops.finding import LOOKED_AT, find
from signoff_schemas.access import Scope
from signoff_web.access import requires
from signoff_web.context import InContext
from signoff_web.pages.things import path_of
from signoff_web.templating import page

router = APIRouter(dependencies=[requires(Scope.READ)])


@router.get("/find")
def find_id(
    request: Request, context: InContext, q: Annotated[str, Query(max_length=1000)] = ""
) -> Response:
    """Go to the one thing that has this id, or list what may be meant."""
    findings = find(context.servers, q)
    if findings.only:
        return RedirectResponse(path_of(findings.only), HTTPStatus.SEE_OTHER)
    found = findings.found or findings.similar or not findings.text
    return page(
        request,
        "ops/find.html",
        status=HTTPStatus.OK if found else HTTPStatus.NOT_FOUND,
        findings=findings,
        looked_at=LOOKED_AT,
        path_of=path_of,
    )
