"""Act on dead letters: dry run, replay, discard, each an operation on a fixed set of letters."""

from dataclasses import replace
from http import HTTPStatus
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from signoff_ops import dead_letters
from signoff_ops.operating import Operator
from signoff_ops.operations import (
    KeyUsedError,
    NothingMatchesError,
    Operation,
    OperationAction,
    TooManyOperationsError,
    WrongOperationError,
    has_dry_run,
    start_operation,
)
from signoff_ops.runbook import after_discards
from signoff_ops.values import Counted, DatabaseUnavailableError, Selection
from signoff_schemas import DeadLetterState
from signoff_schemas.access import Scope
from signoff_web.access import Acting, requires
from signoff_web.context import Context, InContext
from signoff_web.forms import Form, InActForm
from signoff_web.pages.letter_filters import filters_of, fixed
from signoff_web.templating import page

router = APIRouter(prefix="/ops/dead", dependencies=[requires(Scope.OPERATE)])
_TICKED: Final = "ticked"
_DIGITS: Final = 9
_FEW: Final = 100
"""As many letters are replayed without a question."""


@router.post("/dry-run")
def dry_run(request: Request, context: InContext, acting: Acting, form: InActForm) -> Response:
    """Find out what a replay would do; nothing changes."""
    return _start(request, context, acting, form, OperationAction.REPLAY, dry_run=True)


@router.post("/replay")
def replay(request: Request, context: InContext, acting: Acting, form: InActForm) -> Response:
    """Apply the events of the letters anew; asks first if they are many and no dry run was made."""
    if form.one("confirmed") != "yes":
        try:
            asked = _replay_question(request, context, form)
        except WrongOperationError as error:
            return _refused(request, form, str(error), HTTPStatus.UNPROCESSABLE_ENTITY)
        if asked is not None:
            return asked
    return _start(request, context, acting, form, OperationAction.REPLAY)


@router.post("/discard")
def discard(request: Request, context: InContext, acting: Acting, form: InActForm) -> Response:
    """Settle the letters without applying them; asks first, and for a reason."""
    if form.one("confirmed") == "yes" and form.one("reason").strip():
        return _start(request, context, acting, form, OperationAction.DISCARD)
    try:
        selection = _selection(form)
        limit = _limit(form)
    except WrongOperationError as error:
        return _refused(request, form, str(error), HTTPStatus.UNPROCESSABLE_ENTITY)
    count = _count(context, selection, limit)
    if count and not count.number:
        return _refused(request, form, _GONE, HTTPStatus.CONFLICT)
    seen = dead_letters.preview_of(context.servers, selection, limit=limit)
    return page(
        request,
        "ops/letters/discard.html",
        count=count,
        seen=seen,
        after=after_discards(seen) if seen else [],
        fields=_fields(selection, limit),
        reason=form.one("reason"),
        back=_back(form),
        lacks_reason=form.one("confirmed") == "yes",
    )


def _replay_question(request: Request, context: Context, form: Form) -> Response | None:
    """The page that asks before many letters are replayed; None where nothing is to be asked.

    Raises:
        WrongOperationError: the form is not as it was sent out.
    """
    selection, limit = _selection(form), _limit(form)
    count = _count(context, selection, limit)
    is_few = count is not None and not count.capped and count.number <= _FEW
    if is_few or (limit is None and has_dry_run(context.servers, selection)):
        return None
    return page(
        request,
        "ops/letters/replay.html",
        count=count,
        seen=dead_letters.preview_of(context.servers, selection, limit=limit),
        fields=_fields(selection, limit),
        reason=form.one("reason"),
        rate=form.one("rate"),
        keep_going=form.one("keep_going") == "yes",
        back=_back(form),
    )


def _count(context: Context, selection: Selection, limit: int | None) -> Counted | None:
    """How many letters are acted on; None if that is not known."""
    count = dead_letters.number_of(context.servers, selection)
    if limit is not None and (count is None or count.capped or limit < count.number):
        return Counted(limit, capped=False)
    return count


def _fields(selection: Selection, limit: int | None) -> list[tuple[str, str]]:
    """The letters as hidden fields."""
    return [*fixed(selection), *([("limit", str(limit))] if limit else [])]


_GONE: Final = "No dead letter matches any more: somebody has settled them meanwhile."


def _start(
    request: Request,
    context: Context,
    acting: Acting,
    form: Form,
    action: OperationAction,
    *,
    dry_run: bool = False,
) -> Response:
    try:
        started = _started(context, acting, form, action, dry_run=dry_run)
    except NothingMatchesError:
        return _refused(request, form, _GONE, HTTPStatus.CONFLICT)
    except KeyUsedError:
        return _refused(request, form, _SENT_TWICE, HTTPStatus.CONFLICT)
    except WrongOperationError as error:
        return _refused(request, form, str(error), HTTPStatus.UNPROCESSABLE_ENTITY)
    except (DatabaseUnavailableError, TooManyOperationsError) as error:
        return _refused(request, form, f"{error}.", HTTPStatus.SERVICE_UNAVAILABLE)
    return RedirectResponse(f"/ops/replays/{started.id}", HTTPStatus.SEE_OTHER)


_SENT_TWICE: Final = (
    "This form was sent before with something else in it. Open the page again, and choose anew."
)


def _started(
    context: Context, acting: Acting, form: Form, action: OperationAction, *, dry_run: bool
) -> Operation:
    is_replay = action is OperationAction.REPLAY and not dry_run
    return start_operation(
        context.servers,
        _selection(form),
        Operator(acting.actor, form.one("reason").strip() or None, dry_run),
        action,
        limit=_limit(form),
        rate=_rate(form.one("rate")) if is_replay else None,
        keep_going=is_replay and form.one("keep_going") == "yes",
        request_key=_key(form.one("key")),
    )


def _selection(form: Form) -> Selection:
    """The letters that the form names: those that are ticked, or all that its filters choose.

    Raises:
        WrongOperationError: none is named, or the form is not as it was sent out.
    """
    is_of_ticked = form.one("scope") == _TICKED
    pairs = [
        ("id", value) if name == "letter" else (name, value)
        for name, value in form.pairs
        if name != ("id" if is_of_ticked else "letter")
    ]
    filters = filters_of(pairs, typed=False)
    if filters.errors:
        named = "; ".join(f"{name} {error}" for name, error in filters.errors.items())
        raise WrongOperationError(f"This form is not as it was sent out: {named}")
    if is_of_ticked and not form.all("letter"):
        raise WrongOperationError("No letter is ticked, so there is nothing to act on.")
    given = filters.selection
    if not given.ids and given.up_to_id is None:
        raise WrongOperationError("The form does not say up to which letter it acts.")
    return replace(given, states=(DeadLetterState.DEAD,))


def _limit(form: Form) -> int | None:
    """The most letters, the oldest first."""
    text = form.one("limit").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS or not int(text):
        raise WrongOperationError("the number of letters must be a number from 1 on")
    return int(text)


def _rate(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        raise WrongOperationError("the rate is a number of letters a second") from None


def _key(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _back(form: Form) -> str:
    """The page that the form was on."""
    pairs = [(name, value) for name, value in form.pairs if name not in {"id", "up_to_id"}]
    filters = filters_of(pairs, typed=False)
    ids = form.all("id")
    if len(ids) == 1 and ids[0].isascii() and ids[0].isdigit():
        return f"/ops/dead/{ids[0]}"
    return filters.url("/ops/dead")


def _refused(request: Request, form: Form, why: str, status: HTTPStatus) -> Response:
    return page(request, "ops/letters/refused.html", status=status, why=why, back=_back(form))
