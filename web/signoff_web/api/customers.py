"""`/v1/customers`: a customer's state, and how it came about."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request

from signoff_ops.as_data import customer_data
from signoff_ops.customer import customer_history, customer_interactions
from signoff_schemas.access import Scope
from signoff_schemas.wording import printable
from signoff_web.access import requires
from signoff_web.api.answers import Cursor, JSONAnswer, Limit, listed, refusals
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


def _unknown(user_id: str) -> ProblemError:
    return ProblemError(
        404,
        "unknown-customer",
        "No such customer",
        f"No event or interaction in Postgres names the customer {printable(user_id)!r}.",
    )
