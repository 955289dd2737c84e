"""`/v1/events`: what happened to an event."""

from typing import Annotated

from fastapi import APIRouter, Path

from signoff_ops.as_data import event_data
from signoff_ops.event_history import event_history
from signoff_schemas.access import Scope
from signoff_schemas.wording import printable
from signoff_web.access import requires
from signoff_web.api.answers import JSONAnswer, refusals
from signoff_web.api.encoded import DECODED, EncodedRoute
from signoff_web.api.models import Event
from signoff_web.api.parameters import ONLY_KNOWN
from signoff_web.context import InContext
from signoff_web.problems import RETRY_AFTER, ProblemError

router = APIRouter(route_class=EncodedRoute, dependencies=[ONLY_KNOWN], tags=["Events"])

EventId = Annotated[
    str,
    Path(description="The `event_id` in any form of a UUID, or the id of a job on the queue."),
    DECODED,
]


@router.get(
    "/v1/events/{event_id}",
    dependencies=[requires(Scope.READ)],
    response_model=Event,
    responses=refusals(_404="Nothing is known of such an event."),
    summary="The history of an event",
)
def event(event_id: EventId, context: InContext) -> JSONAnswer:
    """What happened to an event, from outbox, queue, ledger, dead letters and operators' actions.

    What only a server that is away knows is missing; `away` says so.
    """
    history = event_history(context.servers, event_id)
    if history.known is False:
        raise ProblemError(
            404,
            "unknown-event",
            "No such event",
            f"Nothing is known of the event {printable(event_id)!r}: it is not on the queue, not "
            "in the ledger, and no dead letter.",
        )
    if history.known is None:
        away = "; ".join(f"{server}: {reason}" for server, reason in history.away.items())
        raise ProblemError(
            503,
            "server-unavailable",
            "A server cannot be reached",
            f"It is not known whether there is such an event. {away}",
            headers={"Retry-After": RETRY_AFTER},
        )
    return JSONAnswer(event_data(history))
