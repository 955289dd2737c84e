"""Publish events: one as JSON, or many as lines."""

import re
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.types import ASGIApp

from signoff_producer import Receipt, publication
from signoff_schemas import ApprovalEvent, Kind, StatusDecision, content_hash
from signoff_schemas.access import Scope
from signoff_web.access import identity_of, requires
from signoff_web.api.event_stream import EventStream
from signoff_web.api.publishing_described import described
from signoff_web.api.receipts import PATHS, problem_of_receipt, read_request
from signoff_web.api.taken import RawAnswer
from signoff_web.bodies import Form, Headers, form_of, headers_of, is_compressed, read_event
from signoff_web.context import Context, context_of
from signoff_web.problems import ProblemError
from signoff_web.rates import Allowance
from signoff_web.raw_routes import RawRoute

router = APIRouter(route_class=RawRoute, dependencies=[requires(Scope.PUBLISH)])
_WAIT: Final = re.compile(rb"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?=$|[,;])", re.IGNORECASE)
_LONGEST_WAIT: Final = 30
"""Seconds that `Prefer: wait` may wait."""


@router.post(PATHS[ApprovalEvent], **described("ApprovalEvent", "Publish approvals"))
async def publish_approvals(request: Request) -> ASGIApp:
    """Publish one approval as JSON, or many as lines, whose receipts come while lines still come.

    The answer is that of the queue; with `Prefer: wait=5` it is the verdict.
    """
    return await _publish(request, ApprovalEvent)


@router.post(PATHS[StatusDecision], **described("StatusDecision", "Publish status decisions"))
async def publish_status_decisions(request: Request) -> ASGIApp:
    """Publish one status decision as JSON, or many as lines, as approvals are."""
    return await _publish(request, StatusDecision)


async def _publish(request: Request, kind: Kind) -> ASGIApp:
    context, headers = context_of(request), headers_of(request)
    sender = identity_of(request).actor
    if form_of(headers) is Form.LINES:
        _refuse_key_of_many(headers)
        return EventStream(context, sender, kind, compressed=is_compressed(headers))
    allowance = context.rates.take(sender, 1)
    body = await read_event(request, headers, seconds=context.settings.body_timeout)
    event = read_request(kind, body)
    _check_key(headers, event)
    if event.error is None and (wait := _wait_of(headers)):
        return await _answer_with_verdict(context, event, allowance, wait)
    receipt = await _published(context, event)
    return RawAnswer.of_receipt(receipt, allowance)


async def _answer_with_verdict(
    context: Context, event: publication.Request, allowance: Allowance, wait: int
) -> RawAnswer:
    if event.event_id is None:
        raise AssertionError
    hashed = content_hash(event.canonical_json)
    with context.verdicts.expecting(event.event_id, hashed) as expected:
        answer = RawAnswer.of_receipt(await _published(context, event), allowance)
        verdict = await expected.verdict(wait)
    return answer.with_verdict(verdict, wait)


async def _published(context: Context, event: publication.Request) -> Receipt:
    """The receipt of an event that was taken.

    Raises:
        ProblemError: it was not taken.
    """
    receipt = await context.producer.publish_request(event)
    if not receipt.ok:
        raise problem_of_receipt(receipt)
    return receipt


def _wait_of(headers: Headers) -> int:
    """The seconds that `Prefer: wait=…` asks to wait; 0 if it does not."""
    found = _WAIT.search(headers[b"prefer"]) if b"prefer" in headers else None
    return min(_LONGEST_WAIT, int(found[1])) if found else 0


def _check_key(headers: Headers, event: publication.Request) -> None:
    """Check that `Idempotency-Key`, where given, is the event's id.

    Raises:
        ProblemError: it is not (422).
    """
    given = headers.get(b"idempotency-key")
    if given is None or event.error is not None:
        return
    if _uuid_of(given) != event.event_id:
        raise _wrong_key(f"must equal the header Idempotency-Key; found {event.event_id}")


def _refuse_key_of_many(headers: Headers) -> None:
    if b"idempotency-key" in headers:
        raise _wrong_key("is the key of each line: leave the header Idempotency-Key out")


def _uuid_of(text: bytes) -> UUID | None:
    try:
        return UUID(text.decode("latin-1").strip().strip('"'))
    except ValueError:
        return None


def _wrong_key(detail: str) -> ProblemError:
    error = {"pointer": "/event_id", "detail": f"event_id {detail}", "code": "idempotency_key"}
    return ProblemError(
        422,
        "wrong-idempotency-key",
        "The Idempotency-Key is not that of the event",
        f"event_id {detail}",
        errors=[error],
    )
