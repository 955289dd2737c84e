"""What the routes that publish take and answer, for the description of the API."""

from typing import Any, Final

from signoff_producer import Answer
from signoff_schemas import FailureKind, Verdict
from signoff_web.api.answers import refusals
from signoff_web.bodies import Form

_UUID: Final = {"type": "string", "format": "uuid"}
_RECEIPT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["event_id", "answer"],
    "properties": {
        "event_id": _UUID,
        "answer": {"enum": [Answer.ACCEPTED.value, Answer.DUPLICATE.value]},
        "verdict": {
            "enum": [*(each.value for each in Verdict), *(each.value for each in FailureKind)],
            "description": "What it came to, where it was waited for in time.",
        },
        "dead_letter": {"type": "integer", "description": "The id of its dead letter."},
        "reason": {"type": "string", "description": "Why it is one."},
    },
}
_LINES: Final = {
    "type": "string",
    "description": "JSON Lines: for each event `line`, `event_id`, `answer` and, where it was not "
    "taken, `reason` and `errors`; a problem with `lines_taken` as the last line, if not all lines "
    "were taken.",
}
_HEADERS: Final = {
    "Location": {"description": "The event's history.", "schema": {"type": "string"}},
    "RateLimit": {"description": "What is left.", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "Of how much.", "schema": {"type": "string"}},
}
_REFUSED: Final = refusals(
    _400="The body is not what its `Content-Encoding` says.",
    _408="The body did not come in time.",
    _409="The `event_id` is in use by other content.",
    _413="The body is too large.",
    _415="The body has another type or encoding than those that are taken.",
    _422="The event breaks the contract; `errors` names each field.",
    _429="The sender published too many events in this minute.",
    _503="The queue is full, Redis is away, or the service is busy; try again after `Retry-After`.",
)
_PARAMETERS: Final = [
    {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Where it is given, it must equal `event_id`.",
        "schema": {"type": "string"},
    },
    {
        "name": "Prefer",
        "in": "header",
        "description": "`wait=5` waits up to so many seconds (30 at most) for the verdict of one"
        " event; for lines it is ignored.",
        "schema": {"type": "string"},
    },
]


def described(event: str, summary: str) -> dict[str, Any]:
    """The options of a route that publishes events with this schema."""
    one = {"schema": {"$ref": f"#/components/schemas/{event}"}}
    many = {"schema": {"description": "Lines of text, each with such an event."}}
    receipt = {Form.JSON.value: {"schema": _RECEIPT}}
    return {
        "tags": ["Publishing"],
        "summary": summary,
        "status_code": 202,
        "response_model": None,
        "responses": {
            202: {"description": "The queue has it.", "headers": _HEADERS, "content": receipt},
            200: {
                "description": "The queue has it already, or its verdict is known; or, of many, "
                "their receipts.",
                "content": receipt | {Form.LINES.value: {"schema": _LINES}},
            },
            **_REFUSED,
        },
        "openapi_extra": {
            "parameters": _PARAMETERS,
            "requestBody": {
                "required": True,
                "content": {Form.JSON.value: one, Form.LINES.value: many},
            },
        },
    }
