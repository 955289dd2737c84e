"""Who did what and why; and whether every event is accounted for."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from signoff_ops.actions import Action, ActionFilter, actions
from signoff_ops.audits import (
    StoredAudit,
    latest_audits,
    request_audit,
    sentences,
    waiting_note,
)
from signoff_schemas.access import Identity, Scope
from signoff_schemas.wording import printable
from signoff_web.access import Acting, requires
from signoff_web.context import Context, InContext
from signoff_web.shown import number
from signoff_web.templating import page

router = APIRouter()
_FILTERS: Final = ("actor", "action", "letter", "since", "until")
_TOTALS: Final = (
    ("events", "Applied events"),
    ("decisions", "of which status decisions"),
    ("void", "of which void"),
    ("interactions", "Interactions"),
    ("customers", "Customers"),
    ("ltv_usd", "LTV in USD"),
    ("dead", "Dead letters, open"),
    ("resolved", "resolved"),
    ("discarded", "discarded"),
)
_PLACES: Final = (
    ("waiting", "Jobs in Redis, waiting"),
    ("in_flight", "in flight"),
    ("scheduled", "scheduled for a retry"),
    ("rq_failed", "failed in RQ"),
    ("oversized", "too large to be read"),
)
_FRAGMENT: Final = "hx-request"
_SHOWN: Final = 500
"""Characters of what an action noted."""
_LONGEST: Final = 1000
_LARGEST_ID: Final = 2**63 - 1


class _WrongFilterError(Exception):
    """A filter that cannot be read, in words."""


@router.get("/audit", dependencies=[requires(Scope.READ)])
def audit(request: Request, context: InContext, identity: Acting) -> Response:
    """The account of events, and what operators did; the filters are the query.

    While an audit waits or runs, a script asks for that part alone; when it has ended, the whole
    account takes its place.
    """
    account = _account(context, identity)
    if _FRAGMENT in request.headers and account["audits"].open:
        return page(request, "ops/audit_open.html", **account)
    if _FRAGMENT in request.headers:
        whole = page(request, "ops/audit_account.html", **account)
        whole.headers["HX-Retarget"] = "#audit-account"
        return whole
    given = {name: request.query_params.get(name, "").strip() for name in _FILTERS}
    cursor = request.query_params.get("cursor") or None
    error, found = None, None
    try:
        found = actions(context.servers, _wanted(given), cursor=cursor, characters=_SHOWN)
    except _WrongFilterError as wrong:
        error = str(wrong)
    used = {name: text for name, text in given.items() if text}
    older = urlencode({**used, "cursor": found.next}) if found and found.next else None
    return page(
        request,
        "ops/audit.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        found=found,
        error=error,
        given=given,
        used=used,
        kinds=list(Action),
        most=_SHOWN,
        first=f"/audit?{urlencode(used)}" if cursor else None,
        older=f"/audit?{older}" if older else None,
        **account,
    )


def _account(context: Context, identity: Identity) -> dict[str, Any]:
    """What the page says of the last audit, and of the one that waits or runs."""
    audits = latest_audits(context.servers)
    report = audits.done.report if audits.done else None
    return {
        "audits": audits,
        "words": list(sentences(report)) if report else [],
        "figures": list(_figures(report)) if report else [],
        "note": waiting_note(context.servers, audits),
        "took": _took(audits.done),
        "may_start": Scope.OPERATE in identity.scopes,
    }


def _figures(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The totals with their labels."""
    for name, label in _TOTALS:
        value = report["totals"][name]
        yield label, f"{value:,}" if isinstance(value, int) else f"{Decimal(value):,.2f}"
    for name, label in _PLACES:
        yield label, number(report["queue"][name])


@router.post("/audit", dependencies=[requires(Scope.OPERATE)])
def start(context: InContext, acting: Acting) -> Response:
    """Ask for an audit; the page shows what becomes of it."""
    request_audit(context.servers, acting.actor)
    return RedirectResponse("/audit", HTTPStatus.SEE_OTHER)


def _took(audit: StoredAudit | None) -> str:
    """How long it took."""
    if audit is None or audit.started_at is None or audit.ended_at is None:
        return ""
    seconds = (audit.ended_at - audit.started_at).total_seconds()
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"  # noqa: PLR2004


def _wanted(given: Mapping[str, str]) -> ActionFilter:
    """The filters.

    Raises:
        _WrongFilterError: one of them cannot be read.
    """
    if given["action"] and given["action"] not in set(Action):
        shown = printable(given["action"], limit=100)
        raise _WrongFilterError(f"There is no action {shown!r}.")
    if len(given["actor"]) > _LONGEST or "\0" in given["actor"]:
        raise _WrongFilterError("A name has at most 1,000 characters, and no NUL.")
    return ActionFilter(
        given["actor"] or None,
        given["action"] or None,
        _letter(given["letter"]),
        _moment("From", given["since"]),
        _moment("Before", given["until"]),
    )


def _letter(text: str) -> int | None:
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= _LARGEST_ID:  # noqa: PLR2004
        return int(text)
    shown = printable(text, limit=100)
    raise _WrongFilterError(f"Letter: the number of a dead letter is wanted, found {shown!r}.")


def _moment(label: str, text: str) -> datetime | None:
    """A time as the field of the form gives it, in UTC, or with an offset."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        shown = printable(text, limit=100)
        message = f"{label}: a time such as 2026-01-31T10:00 (UTC) is wanted, found {shown!r}."
        raise _WrongFilterError(message) from None
