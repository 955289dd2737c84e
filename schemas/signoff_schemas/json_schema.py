"""The JSON Schemas of events, as they are committed in schemas/ and given to upstreams."""

import json
from typing import Any, Final

from signoff_schemas.kinds import KINDS
from signoff_schemas.review import APPROVE_FIELDS, ReviewDraft

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_of(event_type: str) -> dict[str, Any]:
    """The schema of this kind of event."""
    head = {"$schema": DIALECT, "$id": f"urn:signoff:{event_type}:1"}
    return head | KINDS[event_type].model_json_schema()


def schema_text(event_type: str) -> str:
    """The same as text, as it is committed."""
    return json.dumps(schema_of(event_type), indent=2, ensure_ascii=False) + "\n"


def review_schemas() -> dict[str, Any]:
    """What is posted for review, and what an approval gives: a part of the approval event."""
    event = schema_of("approval")
    fields = event["properties"]
    return {
        "ReviewDraft": ReviewDraft.model_json_schema(),
        "ApproveBody": {
            "title": "Approval of a review",
            "type": "object",
            "additionalProperties": False,
            "properties": {name: fields[name] for name in APPROVE_FIELDS},
            "required": [name for name in APPROVE_FIELDS if name in event["required"]],
        },
    }
