"""Events as they are sent over HTTP, and what is answered."""

import json
from typing import Any, Final

import httpx
from approvals import decision, mapping

APPROVALS: Final = "/v1/approvals"
DECISIONS: Final = "/v1/status-decisions"


def event(minute: float = 0, /, **fields: Any) -> dict[str, Any]:
    """An approval as JSON has it."""
    made = mapping(minute, **fields)
    texts = {name: str(made[name]) for name in ("event_id", "interaction_id")}
    return {**made, **texts, "occurred_at": made["occurred_at"].isoformat()}


def a_decision(minute: float = 0, /, **fields: Any) -> dict[str, Any]:
    """A status decision as JSON has it."""
    found: dict[str, Any] = json.loads(decision(minute, **fields).canonical_json())
    return found


def problem_of(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """The problem document of an answer."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"urn:signoff:problem:{slug}"
    return document
