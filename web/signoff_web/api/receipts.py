"""What publishing answers: a receipt of each event, as JSON or as a problem document."""

import json
from typing import Any, Final

from signoff_producer import Answer, Receipt
from signoff_producer.publication import Request
from signoff_schemas import ApprovalEvent, InvalidEvent, Kind, StatusDecision
from signoff_schemas.event import MAX_EVENT_BYTES
from signoff_schemas.invalid import Problem
from signoff_web.lines import Line
from signoff_web.problems import ProblemError, field_error

PATHS: Final[dict[Kind, str]] = {
    ApprovalEvent: "/v1/approvals",
    StatusDecision: "/v1/status-decisions",
}
"""Where each kind of event is published."""
_ELSEWHERE: Final[dict[Kind, str]] = {
    ApprovalEvent: "must be 'approval', or absent, here; a status decision is published at "
    f"{PATHS[StatusDecision]}",
    StatusDecision: "must be 'status_decision' here; an approval is published at "
    f"{PATHS[ApprovalEvent]}",
}
_TAKEN: Final = {Answer.ACCEPTED, Answer.DUPLICATE}


def read_request(kind: Kind, event_json: bytes) -> Request:
    """An event of the kind that a route takes, or why it is refused."""
    request = Request.of_kind(kind, event_json)
    if request.error is not None and request.error.problems[0].path == "event_type":
        found = request.error.problems[0]
        problem = Problem(found.path, _ELSEWHERE[kind], found.code, found.found)
        return request._replace(error=InvalidEvent(request.error.kind, [problem]))
    return request


def read_line(kind: Kind, line: Line) -> Request:
    """The same of a line of a body."""
    if line.text is None:
        return Request(None, error=InvalidEvent.too_large(line.length, MAX_EVENT_BYTES))
    return read_request(kind, line.text)


def receipt_line(line: int, receipt: Receipt) -> bytes:
    """The receipt of a line of a body, as a line of the answer."""
    if receipt.answer in _TAKEN:
        return b'{"line":%d,"event_id":"%b","answer":"%b"}\n' % (
            line,
            str(receipt.event_id).encode(),
            receipt.answer.encode(),
        )
    return as_line({"line": line, **members_of(receipt)})


def as_line(document: dict[str, Any]) -> bytes:
    """A JSON document as a line."""
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def members_of(receipt: Receipt) -> dict[str, Any]:
    """What a receipt says."""
    event_id = None if receipt.event_id is None else str(receipt.event_id)
    members: dict[str, Any] = {"event_id": event_id, "answer": receipt.answer}
    if receipt.reason is not None:
        members["reason"] = receipt.reason
    if receipt.error is not None:
        members["errors"] = [field_error(problem) for problem in receipt.error.problems]
    return members


def problem_of_receipt(receipt: Receipt) -> ProblemError:
    """The answer for an event that was not taken."""
    members = members_of(receipt)
    errors = members.pop("errors", ())
    reason = members.pop("reason")
    if receipt.answer is Answer.CONFLICT:
        return ProblemError(
            409,
            "event-conflict",
            "The event_id is in use",
            f"Event {receipt.event_id} was not published: {reason}; an event_id belongs to one "
            "event on one queue",
            members=members,
        )
    return ProblemError(
        422,
        "invalid-event",
        "The event breaks the contract",
        reason,
        errors=errors,
        members=members,
    )
