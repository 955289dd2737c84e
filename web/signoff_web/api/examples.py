"""Examples of answers, for the API's description; a test checks each against its shape."""

from typing import Any, Final

_EVENT: Final = "0190f3a0-0000-7000-8000-000000000001"
_INTERACTION: Final = "0190f3a0-0000-7000-8000-0000000000aa"
_OCCURRED: Final = "2026-01-31T10:00:00Z"
_APPLIED: Final = "2026-01-31T10:00:01.250000Z"

_ENTRY: Final[dict[str, Any]] = {
    "event_id": _EVENT,
    "event_type": "approval",
    "occurred_at": _OCCURRED,
    "applied_at": _APPLIED,
    "interaction_id": _INTERACTION,
    "user_id": "customer-42",
    "reviewer_id": "ann",
    "quality_score": 5,
    "given_status": "CUSTOMER",
    "given_ltv": "250.00",
    "customer_status": "CUSTOMER",
    "ltv_usd": "250.00",
    "status_superseded": False,
    "decided_by": None,
    "reason": None,
    "evidence": None,
    "rests_on": None,
    "void": False,
    "void_because": None,
}
_TRANSITION: Final[dict[str, Any]] = {
    "user_id": "customer-42",
    "from_status": "LEAD_QUALIFIED",
    "to_status": "CUSTOMER",
    "occurred_at": _OCCURRED,
    "interaction_id": _INTERACTION,
    "event_id": _EVENT,
    "on_path": True,
    "decided_by": "reviewer:ann",
}
_HISTORY: Final[dict[str, Any]] = {"ledger": [_ENTRY], "transitions": [_TRANSITION], "next": None}
_LETTER: Final[dict[str, Any]] = {
    "id": 17,
    "event_id": _EVENT,
    "job_id": _EVENT,
    "kind": "invalid_payload",
    "message": "quality_score must be at most 5; found 9",
    "fingerprint": "46fc615fe22b",
    "event_type": "approval",
    "interaction_id": _INTERACTION,
    "user_id": "customer-42",
    "attempts": 1,
    "first_failed_at": _APPLIED,
    "last_failed_at": _APPLIED,
    "state": "dead",
    "resolved_at": None,
    "payload_size": 412,
    "payload_kept": 412,
}

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "Event": {
        "event_id": _EVENT,
        "known": True,
        "history": [
            {
                "what": "applied",
                "text": f"applied to interaction {_INTERACTION}",
                "at": _APPLIED,
                "facts": _ENTRY,
            }
        ],
        "away": {},
    },
    "Customer": {
        "user_id": "customer-42",
        "customer_status": "CUSTOMER",
        "ltv_usd": "250.00",
        "updated_at": _APPLIED,
        "interactions": [_INTERACTION],
        "interactions_next": None,
        **_HISTORY,
    },
    "CustomerContext": {
        "user_id": "customer-42",
        "customer_status": "CUSTOMER",
        "status_since": "2026-01-31T10:00:00.000000Z",
        "status_decided_by": "reviewer:ann",
        "ltv_usd": "250.00",
        "first_contact_at": "2026-01-31T10:00:00.000000Z",
        "last_contact_at": "2026-01-31T10:00:00.000000Z",
        "counts": {
            "approvals": 1,
            "interactions": 1,
            "purchases": 1,
            "status_decisions": 0,
            "waiting_reviews": 1,
        },
        "exchanges": [
            {
                "interaction_id": _INTERACTION,
                "customer_message": "Where is my order?",
                "reply": ["Hi!", "Your order is on its way."],
                "replied_at": "2026-01-31T10:00:00.000000Z",
                "edit_tags": ["CTA_SOFT"],
                "quality_score": 5,
                "reviewer_id": "ann",
                "cta": {"kind": "shop"},
                "customer_status": "CUSTOMER",
                "ltv_usd": "250.00",
            }
        ],
        "tags": {"CTA_SOFT": 1},
        "scores": {"mean": 5.0, "last": [5]},
        "ctas": [
            {
                "interaction_id": _INTERACTION,
                "replied_at": "2026-01-31T10:00:00.000000Z",
                "label": "shop",
                "tags": ["CTA_SOFT"],
                "cta": {"kind": "shop"},
            }
        ],
        "open_proposals": [],
        "customer": {"name": "Ann", "language": "en"},
        "as_of": {"read_until": _APPLIED, "is_behind": False},
    },
    "Interaction": {
        "id": _INTERACTION,
        "user_id": "customer-42",
        "review_status": "approved",
        "reviewer_id": "ann",
        "final_bubbles": ["Hi!", "Your order is on its way."],
        "edit_tags": ["STRUCT_SHORTEN"],
        "quality_score": 5,
        "reviewer_notes": None,
        "cta_data": {"kind": "shop"},
        "customer_status": "CUSTOMER",
        "ltv_usd": "250.00",
        "review_completed_at": _OCCURRED,
        "created_at": _APPLIED,
        "updated_at": _APPLIED,
        "opening_customer_status": "PROSPECT",
        "opening_ltv_usd": "0.00",
        **_HISTORY,
    },
    "FunnelStep": {"customer_status": "CUSTOMER", "customers": 1204, "ltv_usd": "301000.00"},
    "InsightReport": {
        "name": "funnel",
        "title": "Funnel",
        "definition": "Of the customers who entered a step at least 30 days before the latest "
        "event, the share that reached the next step within 30 days.",
        "asked": {"since": "2026-01-01", "until": None, "within": 30},
        "reach": {
            "timezone": "Europe/Berlin",
            "data_until": _APPLIED,
            "provisional_since": "2026-01-29",
            "rebuilt": None,
        },
        "notes": ["A customer becomes a prospect with its first event."],
        "columns": {
            "months": [
                {"name": "month", "title": "Became prospects in", "unit": "month"},
                {"name": "share_converted", "title": "Share converted", "unit": "share"},
            ]
        },
        "tables": {
            "months": [
                {"month": "2025-12", "share_converted": 0.25},
                {"month": "2026-01", "share_converted": None},
            ]
        },
    },
    "DeadLetter": _LETTER,
    "FullLetter": {
        **_LETTER,
        "detail": [{"path": "quality_score", "rule": "must be at most 5", "found": "9"}],
        "payload": '{"event_id": "…", "quality_score": 9}',
        "actions": [],
    },
    "Cause": {
        "fingerprint": "46fc615fe22b",
        "kind": "invalid_payload",
        "event_type": "approval",
        "count": 12,
        "first_failed_at": _APPLIED,
        "last_arrived_at": _APPLIED,
        "last_failed_at": _APPLIED,
        "message": "quality_score must be at most 5; found 9",
        "sample_id": 17,
        "sample_event_id": _EVENT,
        "first_error": {
            "path": "quality_score",
            "rule": "must be at most 5",
            "code": "less_than_equal",
            "found": "9",
        },
    },
    "FeedLine": {
        "position": f"1.dfcd876453d44676bbb6fd764ced99f5.0.1.825.823.{_EVENT}",
        "event_type": "approval",
        "applied_at": _APPLIED,
        "event": {
            "event_id": _EVENT,
            "occurred_at": _OCCURRED,
            "interaction_id": _INTERACTION,
            "user_id": "customer-42",
            "final_bubbles": ["Hi!", "Your order is on its way."],
            "quality_score": 5,
            "customer_status": "CUSTOMER",
            "ltv_amount": "250.00",
        },
    },
    "Problem": {
        "type": "urn:signoff:problem:not-permitted",
        "title": "Not permitted",
        "status": 403,
        "detail": "This needs the scope `read`; key:billing has `publish`",
    },
}
"""By the name of the shape."""
