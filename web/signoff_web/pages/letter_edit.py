"""Edit a dead letter's event: check what it would do, then apply it in the letter's place."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final, TypeAlias

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from signoff_ops.editing import EditError, NotDeadError, letter_to_edit
from signoff_ops.letter_edit import Attempt, attempt_edit, editable
from signoff_ops.operating import Operator
from signoff_ops.values import DatabaseUnavailableError, FullLetter
from signoff_schemas import MAX_EVENT_BYTES
from signoff_schemas.access import Scope
from signoff_web.access import Acting, requires
from signoff_web.context import Context, InContext
from signoff_web.forms import bounded_form
from signoff_web.pages.field_errors import field_errors, hint_of
from signoff_web.pages.letter_effect import effect_query
from signoff_web.pages.letters import LetterId, known
from signoff_web.templating import page

router = APIRouter(prefix="/ops/dead/{letter_id}/edit", dependencies=[requires(Scope.OPERATE)])
_MOST_BYTES: Final = 3 * 2 * MAX_EVENT_BYTES + 16_384
"""An event with its indentation, each byte sent as three."""


@dataclass(frozen=True, slots=True)
class EditForm:
    """What was sent."""

    event: str
    reason: str
    applies: bool
    """Whether it is to be applied; else only checked."""


async def _read(request: Request) -> EditForm:
    form = await bounded_form(request, most_bytes=_MOST_BYTES)
    event = form.one("event").replace("\r\n", "\n")
    return EditForm(event, form.one("reason").strip(), form.one("act") == "apply")


InEditForm: TypeAlias = Annotated[EditForm, Depends(_read)]


@router.get("")
def edit(request: Request, context: InContext, letter_id: LetterId) -> Response:
    """The event, to be edited."""
    full = known(context, letter_id).full
    if (refusal := _not_editable(context, letter_id)) is not None:
        return _page(request, full, "", refusal=refusal, status=HTTPStatus.CONFLICT)
    return _page(request, full, editable(full))


@router.post("")
def attempt(
    request: Request, context: InContext, acting: Acting, letter_id: LetterId, form: InEditForm
) -> Response:
    """Check the edited event, or apply it."""
    full = known(context, letter_id).full
    if (refusal := _not_editable(context, letter_id)) is not None:
        return _page(request, full, form.event, refusal=refusal, status=HTTPStatus.CONFLICT)
    if form.applies and not form.reason:
        return _page(
            request, full, form.event, refusal=_NO_REASON, status=HTTPStatus.UNPROCESSABLE_ENTITY
        )
    operator = Operator(acting.actor, form.reason, dry_run=not form.applies)
    payload = form.event.encode("utf-8", "replace")
    try:
        found = attempt_edit(context.servers, full, payload, operator)
    except DatabaseUnavailableError as error:
        # The page is shown nevertheless: what was typed is on it.
        return _page(
            request, full, form.event, refusal=str(error), status=HTTPStatus.SERVICE_UNAVAILABLE
        )
    if form.applies and found.applies:
        query = effect_query(found.edited) if found.edited else ""
        return RedirectResponse(f"/ops/dead/{letter_id}?{query}", HTTPStatus.SEE_OTHER)
    return _page(
        request,
        full,
        form.event,
        found=found,
        reason=form.reason,
        status=_status(found, applies=form.applies),
    )


_NO_REASON: Final = "A reason is wanted: the history keeps it."


def _status(found: Attempt, *, applies: bool) -> HTTPStatus:
    if found.problems:
        return HTTPStatus.UNPROCESSABLE_ENTITY
    return HTTPStatus.CONFLICT if found.refusal or applies else HTTPStatus.OK


def _not_editable(context: Context, letter_id: int) -> str | None:
    """Why the letter cannot be edited, in a sentence."""
    try:
        letter_to_edit(context.servers, letter_id)
    except NotDeadError as error:
        return f"Letter {letter_id} is {error.state} already, so there is nothing to edit."
    except EditError as error:
        return f"{error}."
    return None


def _page(
    request: Request,
    full: FullLetter,
    text: str,
    *,
    status: int = HTTPStatus.OK,
    found: Attempt | None = None,
    refusal: str | None = None,
    reason: str = "",
) -> Response:
    return page(
        request,
        "ops/letters/edit.html",
        status=status,
        letter=full.letter,
        detail=full.detail,
        text=text,
        field_errors=field_errors,
        hint_of=hint_of,
        found=found,
        refusal=refusal,
        reason=reason,
    )
