"""Operations, which are replays and discards: what each does, how far it is, what it changed."""

from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from signoff_ops import operations
from signoff_ops.operating import Operator
from signoff_ops.operation_text import change_of_ltv, level, selection_text, sentence, title
from signoff_ops.operations import (
    KeyUsedError,
    NothingMatchesError,
    Operation,
    OperationEndedError,
    TooManyOperationsError,
    WrongOperationError,
)
from signoff_schemas import SignoffError
from signoff_schemas.access import Scope
from signoff_web.access import Acting, requires
from signoff_web.context import Context, InContext
from signoff_web.forms import Form, InForm
from signoff_web.problems import ProblemError
from signoff_web.templating import page

router = APIRouter(prefix="/ops/replays")
OperationId = Annotated[int, Path(ge=1, le=2**63 - 1)]
_FRAGMENT: Final = "hx-request"
_FIELDS: Final = {"kinds": "kind", "ids": "id"}
"""What the list of dead letters calls conditions of a selection."""
_EXPECTED: Final = (
    KeyUsedError,
    NothingMatchesError,
    OperationEndedError,
    TooManyOperationsError,
    WrongOperationError,
)
"""What may come in between: the page says it in a sentence."""


class FormError(SignoffError):
    """A field of the form does not hold what it should."""


@router.get("", dependencies=[requires(Scope.READ)])
def replays(
    request: Request,
    context: InContext,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
) -> Response:
    """All operations, the newest first."""
    found = operations.operations_page(context.servers, cursor=cursor)
    older = None if found.next is None else f"/ops/replays?{urlencode({'cursor': found.next})}"
    rows = [(one, sentence(one), level(one)) for one in found.items]
    return page(request, "ops/replays.html", rows=rows, older=older, cursor=cursor)


@router.get("/{operation_id}", dependencies=[requires(Scope.READ)])
def replay(request: Request, context: InContext, operation_id: OperationId) -> Response:
    """One operation; a fragment with what changes, for the script that asks again and again."""
    found = _found(context, operation_id)
    if _FRAGMENT in request.headers:
        return page(request, "ops/replay_view.html", paused=None, **_values(context, found))
    return _page(request, context, found)


@router.post("/{operation_id}/cancel", dependencies=[requires(Scope.OPERATE)])
def cancel(
    request: Request, context: InContext, acting: Acting, operation_id: OperationId
) -> Response:
    """End an operation; what it has done stays."""
    try:
        operations.cancel_operation(context.servers, operation_id, acting.actor)
    except OperationEndedError as error:
        return _refused(request, context, operation_id, error)
    except operations.NoSuchOperationError:
        raise _unknown(operation_id) from None
    return RedirectResponse(f"/ops/replays/{operation_id}", HTTPStatus.SEE_OTHER)


@router.post("/{operation_id}/again", dependencies=[requires(Scope.OPERATE)])
def again(
    request: Request, context: InContext, acting: Acting, operation_id: OperationId, form: InForm
) -> Response:
    """Start an operation on the letters of this one that are still dead."""
    try:
        started = operations.start_from(
            context.servers,
            operation_id,
            Operator(acting.actor, form.one("reason") or None, form.one("dry_run") == "yes"),
            limit=_whole(form.one("limit")),
            rate=_rate(form.one("rate")),
            keep_going=form.one("keep_going") == "yes",
            request_key=key_of(form),
        )
    except (FormError, *_EXPECTED) as error:
        return _refused(request, context, operation_id, error, form)
    except operations.NoSuchOperationError:
        raise _unknown(operation_id) from None
    return RedirectResponse(f"/ops/replays/{started.id}", HTTPStatus.SEE_OTHER)


def key_of(form: Form) -> UUID | None:
    """The hidden key of a form: if it is sent twice, the second one starts nothing.

    Raises:
        FormError: it is no UUID.
    """
    if not (text := form.one("key")):
        return None
    try:
        return UUID(text)
    except ValueError:
        raise FormError("the form is damaged: load the page again") from None


def _whole(text: str) -> int | None:
    """The limit of a form: empty for all letters."""
    if not text.strip():
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) == 0:  # noqa: PLR2004
        raise FormError("how many letters to take is a whole number, from 1 on")
    return int(text)


def _rate(text: str) -> float | None:
    """The rate of a form: empty for as many as it can."""
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        raise FormError("the rate is a number of letters a second, such as 5") from None


def _refused(
    request: Request,
    context: Context,
    operation_id: int,
    error: SignoffError,
    form: Form | None = None,
) -> Response:
    """The page as it is now, with a sentence about what was not done."""
    found = _found(context, operation_id)
    return _page(request, context, found, error=error, form=form, status=HTTPStatus.CONFLICT)


def _page(
    request: Request,
    context: Context,
    found: Operation,
    *,
    error: SignoffError | None = None,
    form: Form | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    return page(
        request,
        "ops/replay.html",
        status=status,
        error=None if error is None else str(error),
        typed=_typed(found, form),
        longest=operations.LONGEST_REASON,
        may_operate=Scope.OPERATE in request.state.identity.scopes,
        kept=operations.letters_kept(context.servers, _whose_letters(found)),
        days_kept=operations.LETTERS_KEPT.days,
        left=operations.dead_letters_of(context.servers, _whose_letters(found)),
        whose_letters=_whose_letters(found),
        followers=operations.followers(context.servers, found.id),
        sentence_of=sentence,
        **_values(context, found),
    )


def _typed(found: Operation, form: Form | None) -> dict[str, str]:
    """Reason and rate: as they were typed, else those of the operation that is gone on with."""
    if form is not None:
        return {name: form.one(name) for name in ("reason", "rate")}
    rate = "" if found.rate is None else f"{found.rate:g}"
    return {"reason": found.reason or "", "rate": rate}


def _values(context: Context, found: Operation) -> dict[str, Any]:
    return {
        "operation": found,
        "title": title(found),
        "sentence": sentence(found),
        "level": level(found),
        "chosen": selection_text(found.selection),
        "ltv": change_of_ltv(found.effect),
        "note": operations.runner_note(context.servers, found),
        "letters_of": partial(_letters_of, found),
    }


def _whose_letters(found: Operation) -> int:
    """The operation whose letters this one took; it may have taken but some of them."""
    return found.of_operation or found.id


def _letters_of(found: Operation, fingerprint: str) -> str | None:
    """The list of letters that match what was chosen and have a cause; None if it cannot be told.

    After a dry run a letter still has the cause of its last failure, not the one that was found.
    """
    chosen = dict(found.selection)
    if found.dry_run and chosen.get("fingerprint") != fingerprint:
        return None
    if "more_ids" in chosen:
        return None
    chosen.pop("ids_digest", None)
    given = {_FIELDS.get(name, name): value for name, value in chosen.items()}
    return f"/ops/dead?{urlencode(given | {'fingerprint': fingerprint}, doseq=True)}"


def _found(context: Context, operation_id: int) -> Operation:
    found = operations.operation(context.servers, operation_id)
    if found is None:
        raise _unknown(operation_id)
    return found


def _unknown(operation_id: int) -> ProblemError:
    return ProblemError(
        404, "unknown-operation", "No such operation", f"No operation has number {operation_id}."
    )
