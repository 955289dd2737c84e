"""The pages of an event, an interaction and a customer: what is so now, and how it came about."""

from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from signoff_ops.customer_view import customer_view
from signoff_ops.event_view import event_view
from signoff_ops.interaction_view import interaction_view
from signoff_ops.transitions import ProposalFilter, Shown, proposals_page
from signoff_schemas.access import Scope
from signoff_web.access import requires
from signoff_web.api.customers import UserId
from signoff_web.api.encoded import EncodedRoute
from signoff_web.api.events import EventId
from signoff_web.context import InContext
from signoff_web.pages.things import path_of
from signoff_web.pages.transition_words import standing_of
from signoff_web.templating import page

router = APIRouter(route_class=EncodedRoute, dependencies=[requires(Scope.READ)])

_PROPOSALS: Final = 5
"""The latest proposals of a customer that its page shows."""
Cursor = Annotated[str | None, Query(max_length=1000)]
_LOOKED_AT: Final = {
    "event": "the queue in Redis, the outbox, the ledger, and the dead letters, pruned ones too",
    "interaction": "interactions, the ledger, reviews, and dead letters, open and discarded ones, "
    "all in Postgres",
    "customer": "customers, reviews that wait, and dead letters, open and discarded ones, "
    "all in Postgres",
}


@router.get("/events/{event_id}")
def event(request: Request, context: InContext, event_id: EventId) -> Response:
    """All that is known of an event, on one time line."""
    view = event_view(context.servers, event_id)
    if not view.facts:
        return _unknown(request, "event", event_id, not_known=view.not_known)
    return page(request, "ops/event.html", view=view, path_of=path_of)


@router.get("/interactions/{interaction_id}")
def interaction(
    request: Request, context: InContext, interaction_id: UUID, cursor: Cursor = None
) -> Response:
    """An interaction: what it holds, its review, its events."""
    view = interaction_view(context.servers, interaction_id, cursor=cursor)
    if view is None:
        return _unknown(request, "interaction", str(interaction_id))
    return page(
        request,
        "ops/interaction.html",
        view=view,
        path_of=path_of,
        first=_first(request) if cursor else None,
        older=_address(cursor=view.next),
    )


@router.get("/customers/{user_id}")
def customer(
    request: Request,
    context: InContext,
    user_id: UserId,
    cursor: Cursor = None,
    interactions: Cursor = None,
) -> Response:
    """A customer: status and LTV, and all that led there."""
    view = customer_view(context.servers, user_id, cursor=cursor, interactions=interactions)
    if view is None:
        return _unknown(request, "customer", user_id)
    wanted = ProposalFilter(shown=Shown.ALL, user_id=user_id)
    proposals = proposals_page(context.servers, wanted, limit=_PROPOSALS)
    return page(
        request,
        "ops/customer.html",
        view=view,
        path_of=path_of,
        proposals=[(one, standing_of(one)) for one in proposals.items],
        more_proposals=proposals.next is not None,
        first=_first(request) if cursor or interactions else None,
        older=_address(cursor=view.next, interactions=interactions),
        more_interactions=_address(cursor=cursor, interactions=view.interactions.next),
    )


def _address(*, cursor: str | None, interactions: str | None = None) -> str | None:
    """The query of another page of a list; None where there is none."""
    given = {"cursor": cursor, "interactions": interactions}
    query = urlencode({name: value for name, value in given.items() if value})
    return f"?{query}" if query else None


def _first(request: Request) -> str:
    """The page without a cursor, as its path was sent."""
    sent: bytes = request.scope.get("raw_path") or request.url.path.encode()
    return sent.decode("latin-1").partition("?")[0]


def _unknown(
    request: Request, thing: str, key: str, *, not_known: tuple[str, ...] = ()
) -> Response:
    """Nothing has this id, as far as could be looked."""
    return page(
        request,
        "ops/unknown.html",
        status=503 if not_known else 404,
        thing=thing,
        key=key,
        looked_at=_LOOKED_AT[thing],
        not_known=not_known,
    )
