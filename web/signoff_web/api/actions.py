"""`/v1/actions` and `/v1/audit`: what operators did, and whether every event is accounted for."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator

from signoff_ops.actions import Action, ActionFilter
from signoff_ops.actions import actions as actions_of
from signoff_ops.audits import latest_audits, request_audit
from signoff_schemas.access import Scope
from signoff_web.access import Acting, requires
from signoff_web.api.answers import Cursor, JSONAnswer, Limit, listed
from signoff_web.api.audit_models import Audits, OperatorAction, RequestedAudit
from signoff_web.api.encoded import text
from signoff_web.api.instants import Moment
from signoff_web.api.models import Page
from signoff_web.api.parameters import ONLY_KNOWN
from signoff_web.context import InContext

router = APIRouter(dependencies=[ONLY_KNOWN], tags=["Accountability"])


@router.get(
    "/v1/actions",
    dependencies=[requires(Scope.READ)],
    response_model=Page[OperatorAction],
    summary="What operators did",
)
def actions(
    request: Request,
    context: InContext,
    *,
    actor: Annotated[
        str | None,
        Query(max_length=1000, description="Who, such as `user:ann`."),
        AfterValidator(text),
    ] = None,
    action: Annotated[Action | None, Query(description="What.")] = None,
    letter: Annotated[
        int | None, Query(ge=1, le=2**63 - 1, description="The id of a dead letter it was about.")
    ] = None,
    since: Annotated[Moment | None, Query(description="At this instant or later.")] = None,
    until: Annotated[Moment | None, Query(description="Before this instant.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> JSONAnswer:
    """Who did what and why, the newest first.

    Of an action on many letters the first twenty are named; of what was noted before and after, no
    more than its first 4,000 characters are given.
    """
    wanted = ActionFilter(actor, action and str(action), letter, since, until)
    page = actions_of(context.servers, wanted, limit=limit, cursor=cursor)
    return listed(request, {"items": [asdict(one) for one in page.items], "next": page.next})


@router.get(
    "/v1/audit",
    dependencies=[requires(Scope.READ)],
    response_model=Audits,
    summary="The last audit",
)
def audit(context: InContext) -> JSONAnswer:
    """The last result, and the audit that waits or runs."""
    return JSONAnswer(asdict(latest_audits(context.servers)))


@router.post(
    "/v1/audit",
    dependencies=[requires(Scope.OPERATE)],
    response_model=RequestedAudit,
    status_code=HTTPStatus.ACCEPTED,
    summary="Run an audit",
)
def start_audit(context: InContext, acting: Acting) -> JSONAnswer:
    """Ask for an audit: it runs in the background, for minutes where there are millions of events.

    One at a time: while one waits or runs, the answer is that one.
    """
    asked = request_audit(context.servers, acting.actor)
    return JSONAnswer(asdict(asked), HTTPStatus.ACCEPTED, headers={"Location": "/v1/audit"})
