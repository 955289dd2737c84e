"""`/v1/customers`: a customer's state, and how it came about."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from signoff_ops.as_data import customer_data
from signoff_ops.customer import customer_history, customer_interactions
from signoff_schemas.access import Scope
from signoff_schemas.wording import printable
from signoff_web.access import requires
from signoff_web.api.answers import Cursor, JSONAnswer, Limit, listed, refusals
from signoff_web.api.context_models import CustomerContext
from signoff_web.api.encoded import DECODED, EncodedRoute
from signoff_web.api.models import Customer, Page
from signoff_web.api.parameters import ONLY_KNOWN
from signoff_web.context import InContext
from signoff_web.problems import ProblemError

router = APIRouter(route_class=EncodedRoute, dependencies=[ONLY_KNOWN], tags=["State"])

UserId = Annotated[
    str,
    Path(description="The customer's `user_id`, percent-encoded: it may hold a slash."),
    DECODED,
]
_UNKNOWN = refusals(_404="No event or interaction names this customer.")


@router.get(
    "/v1/customers/{user_id}",
    dependencies=[requires(Scope.READ)],
    response_model=Customer,
    responses=_UNKNOWN,
    summary="A customer",
)
def customer(
    user_id: UserId,
    request: Request,
    context: InContext,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> JSONAnswer:
    """A customer's status and LTV, and its events and transitions, the latest page first."""
    found = customer_history(context.servers, user_id, limit=limit, cursor=cursor)
    if found is None:
        raise _unknown(user_id)
    return listed(request, customer_data(found))


@router.get(
    "/v1/customers/{user_id}/interactions",
    dependencies=[requires(Scope.READ)],
    response_model=Page[UUID],
    responses=_UNKNOWN,
    summary="A customer's interactions",
)
def interactions(
    user_id: UserId,
    request: Request,
    context: InContext,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> JSONAnswer:
    """The ids of a customer's interactions, the newest first."""
    found = customer_interactions(context.servers, user_id, limit=limit, cursor=cursor)
    if found is None:
        raise _unknown(user_id)
    return listed(request, {"items": found.items, "next": found.next})


@router.get(
    "/v1/customers/{user_id}/context",
    dependencies=[requires(Scope.READ)],
    response_model=CustomerContext,
    responses=refusals(
        _404="No event, interaction or review names this customer, of what contexts hold.",
        _501="No second database is set, so no contexts are kept.",
    ),
    summary="What the next reply should know of a customer",
)
async def customer_context(user_id: UserId, context: InContext) -> Response:
    """Status, counts, the last exchanges and more, as the second database has it.

    `as_of` says how far that database has read, and whether it is behind.
    """
    found = await context.contexts.of(user_id)
    return Response(found, media_type="application/json")


def _unknown(user_id: str) -> ProblemError:
    return ProblemError(
        404,
        "unknown-customer",
        "No such customer",
        f"No event or interaction in Postgres names the customer {printable(user_id)!r}.",
    )
