"""`/v1/reviews/…`: hold a review and decide about it, for front ends of others."""

import json
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from pydantic_core import from_json

from signoff_ops import review_desk, reviews
from signoff_ops.review_data import claimed_data, decided_data, preview_data, review_data
from signoff_schemas import InvalidReview
from signoff_schemas.access import Scope
from signoff_schemas.wording import shortened
from signoff_web.access import Acting, requires
from signoff_web.api.answers import JSONAnswer, refusals
from signoff_web.api.parameters import ONLY_KNOWN
from signoff_web.api.review_models import ClaimedReview, Decided, Preview, Renewed, Review
from signoff_web.api.review_requests import InteractionId, JSONBody, Reviewer, Revision
from signoff_web.api.reviews import etag
from signoff_web.context import InContext

router = APIRouter(dependencies=[ONLY_KNOWN], tags=["Reviews"])
_REVIEW: Final = requires(Scope.REVIEW)
_REFUSALS: Final = refusals(
    _404="There is no such review.",
    _409="Another reviewer holds it, or it was decided in another way: `holder`, `decided_by`.",
)
_BODIES: Final = refusals(
    _400="The body is not what its Content-Encoding says.",
    _408="The body did not come in time.",
    _413="The body is too large.",
    _415="The body is no JSON.",
)


def _takes(schema: dict[str, Any]) -> dict[str, Any]:
    """The description of a body."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _one_text(name: str) -> dict[str, Any]:
    """The description of a body with one text."""
    field = {"type": "string", "minLength": 1}
    return _takes({"type": "object", "properties": {name: field}, "required": [name]})


_APPROVE: Final = _takes({"$ref": "#/components/schemas/ApproveBody"})


@router.post(
    "/v1/reviews/claim",
    dependencies=[_REVIEW],
    response_model=ClaimedReview,
    responses={204: {"description": "No review waits that this reviewer may have."}},
    summary="Hold the next review",
)
def claim_next(
    context: InContext,
    reviewer: Reviewer,
    *,
    opened: Annotated[
        bool, Query(description="False to fetch it beforehand: its time does not begin.")
    ] = True,
) -> Response:
    """Hold the first review of the queue that nobody holds."""
    claimed = reviews.claim(context.servers, None, reviewer, opened=opened)
    return Response(status_code=204) if claimed is None else _claimed(claimed)


@router.post(
    "/v1/reviews/{interaction_id:uuid}/claim",
    dependencies=[_REVIEW],
    response_model=ClaimedReview,
    responses=_REFUSALS,
    summary="Hold a review",
)
def claim(interaction_id: InteractionId, context: InContext, reviewer: Reviewer) -> JSONAnswer:
    """Hold a review for `SIGNOFF_REVIEW_LEASE_SECONDS`; again while it is open prolongs that."""
    claimed = reviews.claim(context.servers, interaction_id, reviewer)
    if claimed is None:
        raise AssertionError
    return _claimed(claimed)


@router.post(
    "/v1/reviews/{interaction_id:uuid}/renew",
    dependencies=[_REVIEW],
    response_model=Renewed,
    responses=_REFUSALS,
    summary="Prolong a lease",
)
def renew(interaction_id: InteractionId, context: InContext, reviewer: Reviewer) -> JSONAnswer:
    """Prolong one's own lease."""
    until: datetime = reviews.renew(context.servers, interaction_id, reviewer)
    return JSONAnswer({"claimed_until": until})


@router.post(
    "/v1/reviews/{interaction_id:uuid}/release",
    dependencies=[_REVIEW],
    status_code=204,
    response_class=Response,
    responses=refusals(_404="The path is not that of a review."),
    summary="Give a review back",
)
def release(interaction_id: InteractionId, context: InContext, reviewer: Reviewer) -> Response:
    """Give a review back; without effect if this reviewer does not hold it."""
    reviews.release(context.servers, interaction_id, reviewer)
    return Response(status_code=204)


@router.post(
    "/v1/reviews/{interaction_id:uuid}/skip",
    dependencies=[_REVIEW],
    status_code=204,
    response_class=Response,
    responses=refusals(_404="There is no such review."),
    summary="Skip a review",
)
def skip(interaction_id: InteractionId, context: InContext, reviewer: Reviewer) -> Response:
    """Give a review back; it is not offered to this reviewer again for 15 minutes."""
    reviews.skip(context.servers, interaction_id, reviewer)
    return Response(status_code=204)


@router.put(
    "/v1/reviews/{interaction_id:uuid}/draft",
    dependencies=[_REVIEW],
    status_code=204,
    response_class=Response,
    responses={**refusals(_404="There is no such review."), **_BODIES},
    openapi_extra=_takes({"type": "object"}),
    summary="Keep what is typed",
)
def keep_draft(
    interaction_id: InteractionId, context: InContext, reviewer: Reviewer, body: JSONBody
) -> Response:
    """Keep what the reviewer has typed so far, any JSON object; a claim gives it back."""
    reviews.keep_draft(context.servers, interaction_id, reviewer, _object(body))
    return Response(status_code=204)


@router.post(
    "/v1/reviews/{interaction_id:uuid}/preview",
    dependencies=[_REVIEW],
    response_model=Preview,
    responses={**refusals(_404="There is no such review."), **_BODIES},
    openapi_extra=_APPROVE,
    summary="What an approval would do",
)
def preview(
    interaction_id: InteractionId, context: InContext, reviewer: Reviewer, body: JSONBody
) -> JSONAnswer:
    """Check the body of an approval, and say what it would do now; nothing is written."""
    found = review_desk.after_approval(context.servers, interaction_id, reviewer, body)
    return JSONAnswer(preview_data(found))


@router.post(
    "/v1/reviews/{interaction_id:uuid}/approve",
    dependencies=[_REVIEW],
    response_model=Decided,
    responses={**_REFUSALS, **_BODIES},
    openapi_extra=_APPROVE,
    summary="Approve",
)
def approve(
    interaction_id: InteractionId,
    context: InContext,
    reviewer: Reviewer,
    revision: Revision,
    body: JSONBody,
) -> JSONAnswer:
    """Approve a review. The same again gives the same answer: there is one approval.

    The event stands in the outbox of the database, and is published when the time for an undo is
    over. `Location` is that of the event.
    """
    decided = reviews.approve(context.servers, interaction_id, reviewer, body, revision=revision)
    headers = {"Location": f"/v1/events/{decided.event_id}"}
    return JSONAnswer(decided_data(decided), headers=headers)


@router.post(
    "/v1/reviews/{interaction_id:uuid}/reject",
    dependencies=[_REVIEW],
    response_model=Decided,
    responses={**_REFUSALS, **_BODIES},
    openapi_extra=_one_text("reason"),
    summary="Reject",
)
def reject(
    interaction_id: InteractionId,
    context: InContext,
    reviewer: Reviewer,
    revision: Revision,
    body: JSONBody,
) -> JSONAnswer:
    """Reject a draft with a `reason`, which its upstream reads; it may post another one."""
    reason = _text(body, "reason")
    decided = reviews.reject(context.servers, interaction_id, reviewer, reason, revision=revision)
    return JSONAnswer(decided_data(decided))


@router.post(
    "/v1/reviews/{interaction_id:uuid}/undo",
    dependencies=[_REVIEW],
    response_model=ClaimedReview,
    responses=refusals(
        _404="There is no such review.",
        _409="The decision is final, or another reviewer's.",
    ),
    summary="Undo",
)
def undo(interaction_id: InteractionId, context: InContext, reviewer: Reviewer) -> JSONAnswer:
    """Take one's own decision back within `SIGNOFF_UNDO_SECONDS`; the reviewer holds it again."""
    return _claimed(reviews.undo(context.servers, interaction_id, reviewer))


@router.post(
    "/v1/reviews/{interaction_id:uuid}/reassign",
    dependencies=[requires(Scope.OPERATE)],
    response_model=Review,
    responses={**_REFUSALS, **_BODIES},
    openapi_extra=_one_text("reviewer"),
    summary="Give a review to a reviewer",
)
def reassign(
    interaction_id: InteractionId, acting: Acting, context: InContext, body: JSONBody
) -> JSONAnswer:
    """Give a pending review to a `reviewer`, whoever holds it; noted in `operator_actions`."""
    to = _text(body, "reviewer")
    found = reviews.reassign(context.servers, interaction_id, to, acting.actor)
    return JSONAnswer(review_data(found), headers={"ETag": etag(found)})


def _claimed(claimed: reviews.ClaimedReview) -> JSONAnswer:
    return JSONAnswer(claimed_data(claimed), headers={"ETag": etag(claimed.review)})


def _object(body: bytes) -> dict[str, Any]:
    """The object that a body holds.

    Raises:
        InvalidReview: it holds none.
    """
    try:
        held: Any = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidReview.of("", f"is not JSON: {error}", "json_invalid") from None
    if not isinstance(held, dict):
        raise InvalidReview.of("", "must be a JSON object", "model_type")
    return held


def _text(body: bytes, name: str) -> str:
    """The one text that a body holds.

    Raises:
        InvalidReview: it holds something else.
    """
    held = _object(body)
    others = [one for one in held if one != name]
    if others:
        raise InvalidReview.of(
            shortened(json.dumps(others[0])[1:-1], 80),
            f"is not a field here; the body has {name} alone",
            "extra_forbidden",
        )
    value = held.get(name)
    if not isinstance(value, str):
        raise InvalidReview.of(name, "is required, as a string", "missing")
    return value
