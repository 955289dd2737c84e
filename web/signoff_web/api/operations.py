"""`/v1/replays` and `/v1/discards`: act on many dead letters, after a dry run or at once."""

from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header, Path, Request

from signoff_ops import operations
from signoff_ops.as_data import operation_data
from signoff_ops.operating import Operator
from signoff_ops.operations import Operation, OperationAction
from signoff_ops.values import Selection
from signoff_schemas.access import Identity, Scope
from signoff_web.access import Acting, requires
from signoff_web.api.answers import Cursor, JSONAnswer, Limit, listed, refusals
from signoff_web.api.json_bodies import REFUSED_BODIES, parsed, takes
from signoff_web.api.models import Page
from signoff_web.api.operation_models import OperationBody, StartedOperation
from signoff_web.api.parameters import ONLY_KNOWN
from signoff_web.api.review_requests import JSONBody
from signoff_web.context import Context, InContext
from signoff_web.problems import ProblemError

router = APIRouter(dependencies=[ONLY_KNOWN], tags=["Operations"])
_READ: Final = requires(Scope.READ)
_OPERATE: Final = requires(Scope.OPERATE)
OperationId = Annotated[int, Path(ge=1, le=2**63 - 1, description="Its number.")]
RequestKey = Annotated[
    UUID | None,
    Header(
        alias="Idempotency-Key",
        description="Of this request: if it is sent again, no other operation is started.",
    ),
]
_TAKES: Final = takes(OperationBody)
_STARTED: Final = REFUSED_BODIES | refusals(
    _404="There is no such operation.", _409="No dead letter matches."
)
_UNKNOWN: Final = refusals(_404="There is no such operation.")
_ENDED: Final = refusals(_404="There is no such operation.", _409="It has ended already.")
_FILTERS: Final = frozenset(
    {
        "ids", "kind", "fingerprint", "event_type", "event_id", "job_id", "user_id",
        "interaction_id", "text", "since", "until",
    }
)  # fmt: skip


@router.post(
    "/v1/replays",
    dependencies=[_OPERATE],
    status_code=202,
    response_model=StartedOperation,
    responses=_STARTED,
    openapi_extra=_TAKES,
    summary="Replay dead letters",
)
def start_replay(
    context: InContext, acting: Acting, body: JSONBody, idempotency_key: RequestKey = None
) -> JSONAnswer:
    """Start a replay of the letters that are chosen and dead now, or a dry run of it.

    It runs beside this request; `Location` tells how far it is.
    """
    return _start(context, acting, OperationAction.REPLAY, body, idempotency_key)


@router.get(
    "/v1/replays",
    dependencies=[_READ],
    response_model=Page[StartedOperation],
    summary="Replays",
)
def replays(
    request: Request, context: InContext, *, limit: Limit = 50, cursor: Cursor = None
) -> JSONAnswer:
    """Replays and their dry runs, the newest first."""
    return _page(request, context, OperationAction.REPLAY, limit, cursor)


@router.get(
    "/v1/replays/{operation_id}",
    dependencies=[_READ],
    response_model=StartedOperation,
    responses=_UNKNOWN,
    summary="A replay",
)
def replay(operation_id: OperationId, context: InContext) -> JSONAnswer:
    """How far a replay is, and what it changed or would change."""
    return JSONAnswer(operation_data(_found(context, OperationAction.REPLAY, operation_id)))


@router.post(
    "/v1/replays/{operation_id}/cancel",
    dependencies=[_OPERATE],
    response_model=StartedOperation,
    responses=_ENDED,
    summary="Cancel a replay",
)
def cancel_replay(operation_id: OperationId, acting: Acting, context: InContext) -> JSONAnswer:
    """End a replay. What it has done stays; the batch in hand is undone."""
    return _cancel(context, acting, OperationAction.REPLAY, operation_id)


@router.post(
    "/v1/discards",
    dependencies=[_OPERATE],
    status_code=202,
    response_model=StartedOperation,
    responses=_STARTED,
    openapi_extra=_TAKES,
    summary="Discard dead letters",
)
def start_discard(
    context: InContext, acting: Acting, body: JSONBody, idempotency_key: RequestKey = None
) -> JSONAnswer:
    """Start a discard of the letters that are chosen and dead now; it wants a `reason`."""
    return _start(context, acting, OperationAction.DISCARD, body, idempotency_key)


@router.get(
    "/v1/discards",
    dependencies=[_READ],
    response_model=Page[StartedOperation],
    summary="Discards",
)
def discards(
    request: Request, context: InContext, *, limit: Limit = 50, cursor: Cursor = None
) -> JSONAnswer:
    """Discards and their dry runs, the newest first."""
    return _page(request, context, OperationAction.DISCARD, limit, cursor)


@router.get(
    "/v1/discards/{operation_id}",
    dependencies=[_READ],
    response_model=StartedOperation,
    responses=_UNKNOWN,
    summary="A discard",
)
def discard(operation_id: OperationId, context: InContext) -> JSONAnswer:
    """How far a discard is."""
    return JSONAnswer(operation_data(_found(context, OperationAction.DISCARD, operation_id)))


@router.post(
    "/v1/discards/{operation_id}/cancel",
    dependencies=[_OPERATE],
    response_model=StartedOperation,
    responses=_ENDED,
    summary="Cancel a discard",
)
def cancel_discard(operation_id: OperationId, acting: Acting, context: InContext) -> JSONAnswer:
    """End a discard. What it has done stays; the batch in hand is undone."""
    return _cancel(context, acting, OperationAction.DISCARD, operation_id)


def _start(
    context: Context, acting: Identity, action: OperationAction, body: bytes, key: UUID | None
) -> JSONAnswer:
    wanted = _read(body)
    operator = Operator(acting.actor, wanted.reason, wanted.dry_run)
    how: dict[str, Any] = {
        "limit": wanted.limit,
        "rate": wanted.rate,
        "keep_going": wanted.keep_going,
        "request_key": key,
    }
    if wanted.of is None:
        selection = _selection(wanted)
        started = operations.start_operation(context.servers, selection, operator, action, **how)
    else:
        _found(context, action, wanted.of)
        started = operations.start_from(context.servers, wanted.of, operator, **how)
    location = f"/v1/{action}s/{started.id}"
    return JSONAnswer(operation_data(started), HTTPStatus.ACCEPTED, {"Location": location})


def _read(body: bytes) -> OperationBody:
    """What a body asks for.

    Raises:
        ProblemError: it is not valid, or chooses nothing, or in several ways (422).
    """
    wanted = parsed(OperationBody, body)
    ways = [
        wanted.all,
        wanted.of is not None,
        any(getattr(wanted, name) for name in _FILTERS),
    ]
    if sum(ways) != 1:
        detail = (
            "choose letters by `ids`, by filters, or by `of`, the number of an operation; or all "
            "of them with `all`: true" + (", and in one of these ways alone" if any(ways) else "")
        )
        error = {"pointer": "", "detail": detail, "code": "choice"}
        raise ProblemError(
            422, "invalid-request", "The request is not valid", detail, errors=[error]
        )
    return wanted


def _selection(wanted: OperationBody) -> Selection:
    return Selection(
        ids=tuple(wanted.ids),
        kinds=tuple(wanted.kind),
        fingerprint=wanted.fingerprint,
        event_type=wanted.event_type,
        event_id=wanted.event_id,
        job_id=wanted.job_id,
        user_id=wanted.user_id,
        interaction_id=wanted.interaction_id,
        text=wanted.text,
        since=wanted.since,
        until=wanted.until,
    )


def _page(
    request: Request,
    context: Context,
    action: OperationAction,
    limit: int,
    cursor: str | None,
) -> JSONAnswer:
    found = operations.operations_page(context.servers, action=action, limit=limit, cursor=cursor)
    items = [operation_data(one) for one in found.items]
    return listed(request, {"items": items, "next": found.next})


def _cancel(
    context: Context, acting: Identity, action: OperationAction, operation_id: int
) -> JSONAnswer:
    _found(context, action, operation_id)
    ended = operations.cancel_operation(context.servers, operation_id, acting.actor)
    return JSONAnswer(operation_data(ended))


def _found(context: Context, action: OperationAction, operation_id: int) -> Operation:
    """The operation, if it is of this kind."""
    found = operations.operation(context.servers, operation_id)
    if found is None or found.action is not action:
        raise operations.NoSuchOperationError(f"there is no {action} {operation_id}")
    return found
