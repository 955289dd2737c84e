"""The causes of open dead letters: what fails, how many, since when, and what to do."""

from http import HTTPStatus
from math import sqrt
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from signoff_ops import causes as use
from signoff_ops.cause_report import MOST_EXPORTED, exported, report
from signoff_ops.causes import Cause, CauseDetails
from signoff_ops.letter_text import shown_beginning
from signoff_ops.letter_view import ahead_of
from signoff_ops.operations import Operation, operations_page
from signoff_ops.runbook import Advice, advice_on, advice_on_cause
from signoff_ops.servers import Servers
from signoff_ops.values import CauseOrder, Selection
from signoff_schemas import FailureKind
from signoff_schemas.access import Scope
from signoff_web.access import Acting, requires
from signoff_web.context import InContext
from signoff_web.pages.field_errors import field_errors, hint_of
from signoff_web.pages.letter_filters import Filters, filters_of, fixed
from signoff_web.templating import page

router = APIRouter(prefix="/ops/causes", dependencies=[requires(Scope.READ)])
_PAGE: Final = 50
_SAMPLE: Final = 4000
"""Characters of a sample's payload that are shown."""
_OPERATIONS: Final = 100
"""The operations among which those of a cause are looked for."""


@router.get("")
def causes(
    request: Request,
    context: InContext,
    order: str = CauseOrder.SIZE,
    cursor: str | None = None,
) -> Response:
    """A page of causes."""
    filters = filters_of(request.query_params.multi_items())
    ordered = CauseOrder.NEWEST if order == CauseOrder.NEWEST else CauseOrder.SIZE
    if filters.errors:
        return _page(request, filters, ordered, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    found = use.causes_page(
        context.servers, filters.selection, order=ordered, limit=_PAGE, cursor=cursor
    )
    looked_at = None if found.causes else use.looked_at(context.servers)
    return _page(request, filters, ordered, found=found, looked_at=looked_at, cursor=cursor)


@router.get("/{fingerprint}")
def cause(request: Request, context: InContext, acting: Acting, fingerprint: str) -> Response:
    """One cause, and what can be done about it."""
    servers = context.servers
    selection = Selection(fingerprint=fingerprint.replace("\0", "\N{REPLACEMENT CHARACTER}"))
    found = use.cause(servers, selection.fingerprint or "")
    group = found.cause.group if found.cause else None
    chosen = Selection(fingerprint=found.fingerprint, up_to_id=group.sample_id if group else None)
    sample = found.sample
    shown, complete = shown_beginning(sample.payload if sample else b"", _SAMPLE)
    return page(
        request,
        "ops/letters/cause.html",
        status=HTTPStatus.NOT_FOUND if found.is_unknown else HTTPStatus.OK,
        found=found,
        group=group,
        advice=_advice(found),
        sample=sample,
        ahead=ahead_of(sample) if sample else None,
        payload=shown,
        report=report(servers, group) if group else "",
        most_exported=MOST_EXPORTED,
        payload_cut=not complete,
        looked_at=None if group else use.looked_at(servers),
        recent=_operations(servers, found.fingerprint),
        fields=fixed(chosen),
        may_act=Scope.OPERATE in acting.scopes,
        points=points,
        field_errors=field_errors,
        hint_of=hint_of,
    )


@router.get("/{fingerprint}/letters")
def letters(context: InContext, fingerprint: str) -> Response:
    """The open letters of a cause as a file of JSON lines with payloads, the newest first."""
    if "\0" in fingerprint:
        return Response(status_code=HTTPStatus.NOT_FOUND)
    return StreamingResponse(
        exported(context.servers, fingerprint),
        media_type="application/x-ndjson",
        headers={"Content-Disposition": 'attachment; filename="dead-letters-of-cause.jsonl"'},
    )


def points(cause: Cause) -> str:
    """The line of a cause's chart, in a box of the width of its parts and the height 20.

    Heights are square roots, so that a few letters are seen beside a peak.
    """
    counts = cause.trend.counts
    most = max(*counts, 1)
    return " ".join(f"{at},{20 - 18 * sqrt(count / most):.1f}" for at, count in enumerate(counts))


def _page(
    request: Request,
    filters: Filters,
    order: CauseOrder,
    *,
    status: int = HTTPStatus.OK,
    found: use.Causes | None = None,
    looked_at: use.LookedAt | None = None,
    cursor: str | None = None,
) -> Response:
    after = found.next if found else None
    return page(
        request,
        "ops/letters/causes.html",
        status=status,
        filters=filters,
        order=order,
        kinds=list(FailureKind),
        found=found,
        advice={
            one.group.fingerprint: advice_on_cause(one.group) for one in (found or _NONE).causes
        },
        looked_at=looked_at,
        older=filters.url("/ops/causes", order=order, cursor=after) if after else None,
        first=filters.url("/ops/causes", order=order) if cursor else None,
        points=points,
    )


_NONE: Final = use.Causes((), None, 0, 0)


def _advice(found: CauseDetails) -> Advice | None:
    if found.cause is not None:
        return advice_on_cause(found.cause.group)
    if found.sample is None:
        return None
    letter = found.sample.letter
    return advice_on(letter.kind, found.sample.detail, named=letter.event_id is not None)


def _operations(servers: Servers, fingerprint: str) -> list[Operation]:
    """The latest operations on this cause."""
    latest = operations_page(servers, limit=_OPERATIONS).items
    return [one for one in latest if one.selection.get("fingerprint") == fingerprint][:10]
