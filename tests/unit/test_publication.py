"""The script's arguments for the events of a publish."""

import json
from typing import Any

import pytest

from signoff_producer.publication import Publication, Request
from signoff_schemas import ApprovalEvent, StatusDecision, decode_job

EVENT_ID = "6f1c5f0e-8a41-4d6b-9b53-0d2f1c7a9e11"
COMMON = {"schema_version": 1, "occurred_at": "2026-01-31T10:00:00Z", "user_id": "u-1"}
APPROVAL = COMMON | {"interaction_id": EVENT_ID, "final_bubbles": ["hi"], "quality_score": 5}
DECISION = COMMON | {
    "event_type": "status_decision",
    "customer_status": "CHURNED",
    "decided_by": "user:ann",
    "reason": "no answer for a year",
}


@pytest.mark.parametrize(
    ("fields", "kind"), [(APPROVAL, ApprovalEvent), (DECISION, StatusDecision)]
)
@pytest.mark.parametrize("written", [EVENT_ID, EVENT_ID.upper(), EVENT_ID.replace("-", "")])
def test_a_jobs_id_is_the_events_id_in_its_one_form(
    fields: dict[str, Any], kind: object, written: str
) -> None:
    """However the source writes it, and wherever."""
    request = Request.of(json.dumps(fields | {"event_id": written}))

    job_id, data = Publication("approvals").jobs([request])

    assert job_id == EVENT_ID.encode()
    assert decode_job(data) == (kind, request.canonical_json)
