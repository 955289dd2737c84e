"""Decide about proposals: see what an approval changes, approve, reject, put off, take back.

What is approved is what was previewed: the form holds the choice with its time. What changed
meanwhile is left out, and the answer says so.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from signoff_ops import transitions
from signoff_ops.transition_text import expectation_notes, left_out_text
from signoff_ops.transitions import (
    LONGEST_TEXT,
    Changed,
    Choice,
    Effect,
    Shown,
    SwitchedOffError,
    WrongChoiceError,
)
from signoff_schemas import SignoffError
from signoff_schemas.access import Scope
from signoff_schemas.wording import one_decimal
from signoff_web.access import Acting, requires
from signoff_web.context import InContext
from signoff_web.forms import Form, InActForm
from signoff_web.pages.transition_filters import HERE, choice_of, fields_of
from signoff_web.templating import page

router = APIRouter(prefix=HERE, dependencies=[requires(Scope.OPERATE)])
_SECONDS: Final = 20.0
"""After so many no further transaction of an approval begins: somebody waits for the answer."""
DAYS: Final[Mapping[str, str]] = {
    "7": "a week",
    "30": "30 days",
    "90": "90 days",
    "180": "180 days",
    "365": "a year",
}
"""For how long proposals can be put off."""
_NOW: Final = "0"
"""In the place of days: they wait again at once."""


@router.post("/preview")
def preview(request: Request, context: InContext, form: InActForm) -> Response:
    """What approving the chosen proposals would change now; nothing is written."""
    try:
        effect = transitions.preview(context.servers, choice_of(form))
    except (WrongChoiceError, SwitchedOffError) as error:
        return _refused(request, error)
    return _previewed(request, effect)


def _previewed(request: Request, effect: Effect, *, is_again: bool = False) -> Response:
    return page(
        request,
        "transitions/preview.html",
        effect=effect,
        is_again=is_again,
        expected_returns=one_decimal(effect.expected_returns),
        notes=tuple(expectation_notes(effect)),
        why=left_out_text,
        fields=fields_of(effect.approvable),
        longest=LONGEST_TEXT,
        back=_back(effect.choice),
    )


@router.post("/approve")
def approve(request: Request, context: InContext, acting: Acting, form: InActForm) -> Response:
    """Approve what was previewed.

    If other proposals of the rule are held up by now, some might be approved that were not shown:
    then the preview is shown again.
    """
    comment = form.one("comment").strip() or None
    try:
        choice = choice_of(form)
        if held_up := form.one("held_up"):
            now = transitions.preview(context.servers, choice)
            if now.held_up_digest != held_up:
                return _previewed(request, now, is_again=True)
            choice = now.approvable
        effect = transitions.approve(
            context.servers, choice, acting.actor, comment, seconds=_SECONDS
        )
    except (WrongChoiceError, SwitchedOffError) as error:
        return _refused(request, error)
    if effect.stopped_because is not None:
        fields = [*fields_of(effect.choice), ("comment", comment or "")]
        name = "transitions/stopped.html"
        return page(request, name, effect=effect, why=left_out_text, fields=fields)
    since = form.one("since") or None
    return _led(effect, "approved", Shown.ALL, decided_by=acting.actor, since=since)


@router.post("/reject")
def reject(request: Request, context: InContext, acting: Acting, form: InActForm) -> Response:
    """Reject proposals; asks for a reason first."""
    reason = form.one("reason").strip()
    try:
        choice = transitions.dated(context.servers, choice_of(form))
        if not reason:
            return _asked(request, form, choice, "reject")
        changed = transitions.reject(context.servers, choice, acting.actor, reason)
    except WrongChoiceError as error:
        return _refused(request, error)
    return _led(changed, "rejected", Shown.REJECTED, decided_by=acting.actor)


@router.post("/snooze")
def snooze(request: Request, context: InContext, acting: Acting, form: InActForm) -> Response:
    """Put proposals off, or let them wait again; asks for how long first."""
    days = form.one("days")
    try:
        choice = transitions.dated(context.servers, choice_of(form))
        if days not in {_NOW, *DAYS}:
            return _asked(request, form, choice, "snooze")
        until = None if days == _NOW else datetime.now(UTC) + timedelta(days=int(days))
        changed = transitions.snooze(context.servers, choice, acting.actor, until)
    except WrongChoiceError as error:
        return _refused(request, error)
    if until is None:
        return _led(changed, "waiting", Shown.WAITING)
    return _led(changed, "snoozed", Shown.SNOOZED)


@router.post("/undo")
def undo(request: Request, context: InContext, acting: Acting, form: InActForm) -> Response:
    """Take approvals back, each by a new decision; asks first."""
    reason = form.one("reason").strip() or None
    try:
        choice = choice_of(form)
        choice.check_ids()
        if form.one("confirmed") != "yes":
            return _asked(request, form, choice, "undo")
        changed = transitions.undo(context.servers, choice, acting.actor, reason)
    except WrongChoiceError as error:
        return _refused(request, error)
    return _led(changed, "undone", Shown.UNDONE)


def _asked(request: Request, form: Form, choice: Choice, act: str) -> Response:
    """The page that asks for what an action needs."""
    return page(
        request,
        "transitions/ask.html",
        act=act,
        choice=choice,
        fields=fields_of(choice),
        days=DAYS,
        longest=LONGEST_TEXT,
        lacks_reason=act == "reject" and "reason" in dict(form.pairs),
        back=_back(choice),
    )


def _led(
    changed: Changed,
    done: str,
    shown: Shown,
    *,
    decided_by: str | None = None,
    since: str | None = None,
) -> Response:
    """Lead to the proposals that were acted on: the one, or a list of them."""
    said = {"done": done, "changed": changed.changed}
    said |= {str(kind): number for kind, number in changed.obstacles.items()}
    choice = changed.choice
    if len(choice.ids) == 1:
        address = f"{HERE}/{choice.ids[0]}?{urlencode(said)}"
        return RedirectResponse(address, HTTPStatus.SEE_OTHER)
    filters = {"shown": str(shown), "rule": choice.rule}
    if decided_by is not None and choice.until is not None:
        since = since or choice.until.isoformat()
        filters |= {"decided_by": decided_by, "decided_since": since}
    given = {name: text for name, text in filters.items() if text}
    return RedirectResponse(f"{HERE}?{urlencode(given | said)}", HTTPStatus.SEE_OTHER)


def _back(choice: Choice) -> str:
    """The page that a choice was made on."""
    if len(choice.ids) == 1:
        return f"{HERE}/{choice.ids[0]}"
    return HERE if choice.rule is None else f"{HERE}?{urlencode({'rule': choice.rule})}"


def _refused(request: Request, error: SignoffError) -> Response:
    """Say why nothing was done."""
    wrong = isinstance(error, WrongChoiceError)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.CONFLICT
    why = str(error)
    return page(request, "transitions/refused.html", status=status, why=why)
