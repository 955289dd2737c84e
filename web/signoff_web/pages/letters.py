"""Dead letters: the list with its filters, one letter with its history, its payload to keep."""

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse

from signoff_ops import causes, dead_letters
from signoff_ops.dead_letters import LetterHistory
from signoff_ops.letter_text import shown_beginning
from signoff_ops.letter_view import letter_view
from signoff_ops.operations import Operation, operations_page
from signoff_ops.runbook import advice_on
from signoff_ops.values import Counted, CutOffError, Listing, Selection
from signoff_schemas import DeadLetterState, FailureKind
from signoff_schemas.access import Scope
from signoff_schemas.kinds import EventType
from signoff_web.access import Acting, requires
from signoff_web.context import Context, InContext
from signoff_web.pages.field_errors import field_errors, hint_of
from signoff_web.pages.letter_effect import effect_of
from signoff_web.pages.letter_filters import Filters, filters_of, fixed
from signoff_web.problems import ProblemError
from signoff_web.templating import page

router = APIRouter(prefix="/ops/dead", dependencies=[requires(Scope.READ)])
LetterId = Annotated[int, Path(ge=1, le=2**63 - 1)]
_PAGE: Final = 50
_OPERATIONS: Final = 100
"""The operations among which those of a letter are looked for."""
_LARGEST_ID: Final = 2**63 - 1
SHOWN: Final = 16_000
"""Characters of a payload that are shown."""


@router.get("")
def letters(
    request: Request, context: InContext, acting: Acting, cursor: str | None = None
) -> Response:
    """A page of the letters that the filters choose."""
    filters = filters_of(request.query_params.multi_items())
    if filters.errors:
        return _list(request, context, acting, filters, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        found = dead_letters.find(context.servers, filters.selection, limit=_PAGE, cursor=cursor)
    except CutOffError as error:
        return _list(request, context, acting, filters, cut_off=str(error))
    return _list(request, context, acting, filters, found=found, cursor=cursor)


@router.get("/new")
def new(request: Request, context: InContext, after: int = 0) -> Response:
    """How many letters came that a list does not show yet."""
    filters = filters_of(request.query_params.multi_items())
    newer = replace(filters.selection, above_id=max(0, min(after, _LARGEST_ID)))
    found = None if filters.errors else dead_letters.number_of(context.servers, newer)
    return page(request, "ops/letters/new.html", found=found, url=filters.url("/ops/dead"))


@router.get("/{letter_id}")
def letter(request: Request, context: InContext, acting: Acting, letter_id: LetterId) -> Response:
    """All of a letter."""
    view = letter_view(context.servers, letter_id)
    if view is None:
        raise unknown(letter_id)
    full = view.full
    payload, complete = shown_beginning(full.payload, SHOWN)
    return page(
        request,
        "ops/letters/letter.html",
        full=full,
        letter=full.letter,
        view=view,
        actions=view.actions,
        effect=effect_of(request, acting, view),
        recent=_operations(context, letter_id),
        field_errors=field_errors,
        hint_of=hint_of,
        payload=payload,
        payload_cut=not complete,
        shown=SHOWN,
        advice=advice_on(full.letter.kind, full.detail, named=full.letter.event_id is not None),
        is_dead=full.letter.state is DeadLetterState.DEAD,
        may_act=Scope.OPERATE in acting.scopes,
        fields=fixed(Selection(ids=(letter_id,))),
    )


@router.get("/{letter_id}/payload")
def payload(context: InContext, letter_id: LetterId) -> Response:
    """What a letter holds of its payload, byte for byte, as a file to keep."""
    full = known(context, letter_id).full
    return StreamingResponse(
        dead_letters.payload_of(context.servers, full.letter),
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="dead-letter-{letter_id}.bin"'},
    )


def known(context: Context, letter_id: int) -> LetterHistory:
    """The letter with its history.

    Raises:
        ProblemError: there is none (404).
    """
    found = dead_letters.letter_history(context.servers, letter_id)
    if found is None:
        raise unknown(letter_id)
    return found


def unknown(letter_id: int) -> ProblemError:
    """There is no such letter."""
    return ProblemError(
        404, "unknown-dead-letter", "No such dead letter", f"No dead letter has id {letter_id}."
    )


def _operations(context: Context, letter_id: int) -> list[Operation]:
    """The latest operations that named this letter."""
    latest = operations_page(context.servers, limit=_OPERATIONS).items
    return [one for one in latest if letter_id in (one.selection.get("ids") or ())][:10]


def _list(
    request: Request,
    context: Context,
    acting: Acting,
    filters: Filters,
    *,
    status: int = HTTPStatus.OK,
    found: Listing | None = None,
    cut_off: str | None = None,
    cursor: str | None = None,
) -> Response:
    servers = context.servers
    newest = found.letters[0].id if found and found.letters else 0
    selection = filters.selection
    more: dict[str, object] = {}
    if selection.up_to_id is None and newest:
        # What comes after this page was made is on no later page, and is not acted on.
        selection = replace(selection, up_to_id=newest)
        more = {"up_to_id": newest}
    older = filters.url("/ops/dead", cursor=found.next, **more) if found and found.next else None
    is_empty = found is not None and not found.letters and found.complete
    return page(
        request,
        "ops/letters/list.html",
        status=status,
        filters=filters,
        found=found,
        cut_off=cut_off,
        count=_count(context, filters, found, cursor) if found else None,
        looked_at=causes.looked_at(servers) if is_empty else None,
        older=older,
        first=filters.url("/ops/dead") if cursor else None,
        newer_url=filters.url("/ops/dead/new", after=newest) if newest and not cursor else None,
        fields=fixed(selection),
        may_act=bool(newest)
        and Scope.OPERATE in acting.scopes
        and DeadLetterState.DEAD in selection.states,
        kinds=list(FailureKind),
        states=list(DeadLetterState),
        event_types=list(EventType),
    )


def _count(
    context: Context, filters: Filters, found: Listing, cursor: str | None
) -> Counted | None:
    """How many match; where all of them are on the page, nothing has to be counted."""
    if cursor is None and found.next is None:
        return Counted(len(found.letters), capped=False)
    return dead_letters.number_of(context.servers, filters.selection)
