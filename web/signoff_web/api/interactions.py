"""`/v1/interactions` and `/v1/funnel`: the state, and how it came about."""

from dataclasses import asdict
from uuid import UUID

from fastapi import APIRouter, Request

from signoff_ops.as_data import interaction_data
from signoff_ops.customer import interaction_history
from signoff_ops.funnel import funnel as funnel_of
from signoff_schemas.access import Scope
from signoff_web.access import requires
from signoff_web.api.answers import Cursor, JSONAnswer, Limit, listed, refusals
from signoff_web.api.models import Funnel, Interaction
from signoff_web.api.parameters import ONLY_KNOWN
from signoff_web.context import InContext
from signoff_web.problems import ProblemError

router = APIRouter(dependencies=[ONLY_KNOWN], tags=["State"])


@router.get(
    "/v1/interactions/{interaction_id}",
    dependencies=[requires(Scope.READ)],
    response_model=Interaction,
    responses=refusals(_404="Postgres does not hold this interaction."),
    summary="An interaction",
)
def interaction(
    interaction_id: UUID,
    request: Request,
    context: InContext,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> JSONAnswer:
    """What an interaction holds, and its events and transitions, the latest page first."""
    found = interaction_history(context.servers, interaction_id, limit=limit, cursor=cursor)
    if found is None:
        raise ProblemError(
            404,
            "unknown-interaction",
            "No such interaction",
            f"The interaction {interaction_id} is not in Postgres, and no event of it was applied.",
        )
    return listed(request, interaction_data(found))


@router.get(
    "/v1/funnel",
    dependencies=[requires(Scope.READ)],
    response_model=Funnel,
    summary="The funnel",
)
def funnel(context: InContext) -> JSONAnswer:
    """Customers and their LTV by status: all five, in the order of the funnel."""
    return JSONAnswer({"items": [asdict(step) for step in funnel_of(context.servers)]})
