"""`/v1/dead-letters` and `/v1/causes`: what could not be applied, and why."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath
from pydantic import AfterValidator

from signoff_ops import dead_letters
from signoff_ops.as_data import letter_data
from signoff_ops.values import Selection
from signoff_schemas import DeadLetterState, FailureKind
from signoff_schemas.access import Scope
from signoff_web.access import requires
from signoff_web.api.answers import Cursor, JSONAnswer, Limit, listed, refusals
from signoff_web.api.encoded import text
from signoff_web.api.instants import Moment
from signoff_web.api.models import Causes, DeadLetter, FullLetter, Page
from signoff_web.api.parameters import ONLY_KNOWN
from signoff_web.context import InContext
from signoff_web.problems import ProblemError

router = APIRouter(dependencies=[ONLY_KNOWN], tags=["Dead letters"])

Kinds = Annotated[list[FailureKind] | None, Query(description="Repeatable.")]
Since = Annotated[Moment | None, Query(description="Last failed at this instant or later.")]
Until = Annotated[Moment | None, Query(description="Last failed before this instant.")]


@router.get(
    "/v1/dead-letters",
    dependencies=[requires(Scope.READ)],
    response_model=Page[DeadLetter],
    summary="Dead letters",
)
def letters(  # noqa: PLR0913 -- one argument a filter
    request: Request,
    context: InContext,
    *,
    kind: Kinds = None,
    fingerprint: Annotated[
        str | None, Query(max_length=200, description="Of one cause."), AfterValidator(text)
    ] = None,
    user_id: Annotated[
        str | None, Query(max_length=1000, description="Of one customer."), AfterValidator(text)
    ] = None,
    interaction_id: Annotated[UUID | None, Query(description="Of one interaction.")] = None,
    since: Since = None,
    until: Until = None,
    state: Annotated[
        list[DeadLetterState] | None, Query(description="Repeatable; `dead` if none is given.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> JSONAnswer:
    """Dead letters, the newest first, without their payloads."""
    selection = Selection(
        kinds=tuple(kind or ()),
        fingerprint=fingerprint,
        user_id=user_id,
        interaction_id=interaction_id,
        since=since,
        until=until,
        states=tuple(state or [DeadLetterState.DEAD]),
    )
    page = dead_letters.page_of_letters(context.servers, selection, limit=limit, cursor=cursor)
    return listed(request, {"items": [asdict(letter) for letter in page.items], "next": page.next})


@router.get(
    "/v1/dead-letters/{letter_id}",
    dependencies=[requires(Scope.READ)],
    response_model=FullLetter,
    responses=refusals(_404="There is no such dead letter."),
    summary="A dead letter",
)
def letter(
    letter_id: Annotated[int, InPath(ge=1, le=2**63 - 1, description="Its id.")],
    context: InContext,
) -> JSONAnswer:
    """A dead letter in any state, with its payload and the operators' actions on it."""
    found = dead_letters.letter_history(context.servers, letter_id)
    if found is None:
        raise ProblemError(
            404, "unknown-dead-letter", "No such dead letter", f"No dead letter has id {letter_id}."
        )
    return JSONAnswer(letter_data(found))


@router.get(
    "/v1/causes",
    dependencies=[requires(Scope.READ)],
    response_model=Causes,
    summary="Dead letters by cause",
)
def causes(
    context: InContext, *, kind: Kinds = None, since: Since = None, until: Until = None
) -> JSONAnswer:
    """The open dead letters by cause, the hundred biggest groups, the biggest first."""
    selection = Selection(kinds=tuple(kind or ()), since=since, until=until)
    found = dead_letters.groups(context.servers, selection)
    return JSONAnswer({"items": [asdict(group) for group in found.groups], "more": found.more})
