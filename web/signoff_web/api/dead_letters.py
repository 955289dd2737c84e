"""`/v1/dead-letters` and `/v1/causes`: what could not be applied, and why."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath
from pydantic import AfterValidator

from signoff_ops import causes as causes_of
from signoff_ops import dead_letters
from signoff_ops.as_data import cause_data, letter_data
from signoff_ops.values import CauseOrder, Selection
from signoff_schemas.access import Scope
from signoff_web.access import requires
from signoff_web.api.answers import Cursor, JSONAnswer, Limit, listed, refusals
from signoff_web.api.encoded import text
from signoff_web.api.letter_filters import Chosen, Kinds, Since, Until
from signoff_web.api.letter_models import CauseDetails, Causes, FullLetter, Letters
from signoff_web.api.parameters import ONLY_KNOWN
from signoff_web.context import InContext
from signoff_web.problems import ProblemError

router = APIRouter(dependencies=[ONLY_KNOWN], tags=["Dead letters"])
LetterId = Annotated[int, InPath(ge=1, le=2**63 - 1, description="Its id.")]


@router.get(
    "/v1/dead-letters",
    dependencies=[requires(Scope.READ)],
    response_model=Letters,
    summary="Dead letters",
)
def letters(
    request: Request,
    context: InContext,
    chosen: Chosen,
    *,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> JSONAnswer:
    """Dead letters, the newest first, without their payloads.

    A search for a `text` ends after a while: `complete` is false then, and `next` goes on.
    """
    found = dead_letters.find(context.servers, chosen, limit=limit, cursor=cursor)
    return listed(
        request,
        {
            "items": [asdict(letter) for letter in found.letters],
            "next": found.next,
            "complete": found.complete,
            "looked_at": found.looked_at,
        },
    )


@router.get(
    "/v1/dead-letters/{letter_id}",
    dependencies=[requires(Scope.READ)],
    response_model=FullLetter,
    responses=refusals(_404="There is no such dead letter."),
    summary="A dead letter",
)
def letter(letter_id: LetterId, context: InContext) -> JSONAnswer:
    """A dead letter in any state, with its payload and the operators' actions on it."""
    found = dead_letters.letter_history(context.servers, letter_id)
    if found is None:
        raise unknown_letter(letter_id)
    return JSONAnswer(letter_data(found))


def unknown_letter(letter_id: int) -> ProblemError:
    """The problem that there is no such letter."""
    return ProblemError(
        404, "unknown-dead-letter", "No such dead letter", f"No dead letter has id {letter_id}."
    )


@router.get(
    "/v1/causes",
    dependencies=[requires(Scope.READ)],
    response_model=Causes,
    summary="Dead letters by cause",
)
def causes(
    request: Request,
    context: InContext,
    *,
    kind: Kinds = None,
    since: Since = None,
    until: Until = None,
    order: Annotated[
        CauseOrder, Query(description="`size`, the biggest first; `newest`, the last that began.")
    ] = CauseOrder.SIZE,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> JSONAnswer:
    """The open dead letters by cause."""
    selection = Selection(kinds=tuple(kind or ()), since=since, until=until)
    found = causes_of.groups_page(
        context.servers, selection, order=order, limit=limit, cursor=cursor
    )
    return listed(
        request,
        {
            "items": [asdict(group) for group in found.groups],
            "next": found.next,
            "more": found.more,
            "total": found.causes,
            "letters": found.letters,
        },
    )


@router.get(
    "/v1/causes/{fingerprint}",
    dependencies=[requires(Scope.READ)],
    response_model=CauseDetails,
    responses=refusals(_404="No dead letter has this cause."),
    summary="A cause",
)
def cause(
    fingerprint: Annotated[
        str, InPath(max_length=200, description="Its fingerprint."), AfterValidator(text)
    ],
    context: InContext,
) -> JSONAnswer:
    """The letters of one cause: how many are open, how they grew, whom they touch, what to do."""
    found = causes_of.cause(context.servers, fingerprint)
    if found.is_unknown:
        raise ProblemError(
            404, "unknown-cause", "No such cause", "No dead letter has this fingerprint."
        )
    return JSONAnswer(cause_data(found))
