"""`/v1/reviews`: post drafts, read reviews and what was decided about them."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from signoff_ops import reviews
from signoff_ops.errors import CursorError
from signoff_ops.review_data import decision_line, posted_data, review_data, summary_data
from signoff_ops.review_feed import MOST_DECISIONS, read_decisions
from signoff_ops.reviews import Posting, ReviewState, UnknownReviewError
from signoff_schemas import ReviewDraft
from signoff_schemas.access import Scope
from signoff_web.access import Acting, requires
from signoff_web.api.answers import Cursor, JSONAnswer, listed, next_page, refusals
from signoff_web.api.models import Page
from signoff_web.api.parameters import ONLY_KNOWN
from signoff_web.api.review_models import PostedReview, Review, ReviewSummary
from signoff_web.api.review_requests import InteractionId, JSONBody
from signoff_web.context import InContext

router = APIRouter(dependencies=[ONLY_KNOWN], tags=["Reviews"])

_LINES: Final = "application/x-ndjson"
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ReviewDraft"}}},
    }
}
_FEED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A line of JSON for each final decision.",
        "content": {
            _LINES: {
                "schema": {
                    "type": "string",
                    "contentMediaType": "application/json",
                    "contentSchema": {"$ref": "#/components/schemas/ReviewLine"},
                }
            }
        },
        "headers": {
            "Signoff-Position": {
                "description": "The position behind this page: the next `after`.",
                "schema": {"type": "string"},
            },
            "Signoff-Caught-Up": {
                "description": "Whether there were no more that are final.",
                "schema": {"type": "string", "enum": ["true", "false"]},
            },
        },
    },
    **refusals(_409="The database was restored: docs/operations.md."),
}


@router.post(
    "/v1/reviews",
    dependencies=[requires(Scope.PUBLISH)],
    response_model=PostedReview,
    status_code=201,
    responses={
        200: {
            "description": "There was one already: `unchanged`, `replaced` or `reopened`.",
            "model": PostedReview,
        },
        **refusals(
            _409="There is a review with another draft, which cannot be replaced.",
            _400="The body is not what its Content-Encoding says.",
            _408="The body did not come in time.",
            _413="The body is too large.",
            _415="The body is no JSON.",
        ),
    },
    openapi_extra=_BODY,
    summary="Post a draft",
)
def post_review(acting: Acting, context: InContext, body: JSONBody) -> JSONAnswer:
    """Post a draft for review; idempotent by `interaction_id`.

    The same draft again is `unchanged`. Another draft replaces one that nobody holds, and begins
    anew where the first was rejected or has expired.
    """
    posted = reviews.post_review(context.servers, ReviewDraft.parse(body), acting.actor)
    created = posted.posting is Posting.CREATED
    location = f"/v1/reviews/{posted.review.interaction_id}"
    return JSONAnswer(
        posted_data(posted),
        status_code=201 if created else 200,
        headers={"Location": location, "ETag": etag(posted.review)},
    )


@router.get(
    "/v1/reviews",
    dependencies=[requires(Scope.READ)],
    response_model=Page[ReviewSummary],
    summary="Reviews in a state",
)
def review_list(
    request: Request,
    context: InContext,
    *,
    state: Annotated[ReviewState, Query(description="Which reviews.")] = ReviewState.PENDING,
    limit: Annotated[int, Query(ge=1, le=200, description="The most to list.")] = 50,
    cursor: Cursor = None,
    after: Annotated[str | None, Query(max_length=1000, description="As `cursor`.")] = None,
) -> JSONAnswer:
    """Pending reviews in the queue's order; others the latest decision first."""
    if cursor is not None and after is not None:
        raise CursorError("cursor and after are two names of one parameter; give one of them")
    found = reviews.review_page(context.servers, None, cursor or after, limit, state=state)
    return listed(
        request, {"items": [summary_data(one) for one in found.items], "next": found.next}
    )


@router.get(
    "/v1/reviews/feed",
    dependencies=[requires(Scope.READ)],
    response_class=Response,
    responses=_FEED,
    summary="The feed of reviews",
)
def review_feed(
    request: Request,
    context: InContext,
    *,
    after: Annotated[
        str | None, Query(description="Only what follows this position, which came from here.")
    ] = None,
    limit: Annotated[
        int, Query(ge=1, le=MOST_DECISIONS, description="The most decisions of a page.")
    ] = MOST_DECISIONS,
    accept_restore: Annotated[
        bool, Query(description="Go on from a position from before a restore.")
    ] = False,
) -> Response:
    """Each final decision once, in an order that can be followed.

    What can still be undone is not told, and what was undone never.
    """
    found = read_decisions(context.servers, after, limit=limit, accept_restore=accept_restore)
    headers = {
        "Signoff-Position": found.position,
        "Signoff-Caught-Up": "true" if found.caught_up else "false",
        "Link": next_page(request, after=found.position),
    }
    lines = "".join(f"{decision_line(one)}\n" for one in found.decisions)
    return Response(lines, headers=headers, media_type=_LINES)


@router.get(
    "/v1/reviews/{interaction_id:uuid}",
    dependencies=[requires(Scope.READ)],
    response_model=Review,
    responses=refusals(_404="There is no such review."),
    summary="A review",
)
def review(interaction_id: InteractionId, context: InContext) -> JSONAnswer:
    """A review in any state. Act on a decision once it is `final`."""
    found = reviews.review(context.servers, interaction_id)
    if found is None:
        raise UnknownReviewError(interaction_id)
    return JSONAnswer(review_data(found), headers={"ETag": etag(found)})


def etag(found: reviews.Review) -> str:
    """The header `ETag`: the revision."""
    return f'"{found.revision}"'
