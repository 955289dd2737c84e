"""The committed schema and settings example match the code."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from signoff_cli.schema import schema_text
from signoff_schemas import ApprovalEvent, InvalidEvent, Settings
from signoff_schemas.role_settings import variable_of

ROOT = Path(__file__).parents[2]
SCHEMA_FILE = ROOT / "schemas" / "approval.schema.json"
EVENT: dict[str, Any] = {
    "event_id": "00000000-0000-4000-8000-000000000001",
    "occurred_at": "2026-01-31T10:00:00Z",
    "interaction_id": "00000000-0000-4000-8000-000000000002",
    "final_bubbles": ["hello"],
    "quality_score": 5,
}
REFUSED = [
    {"quality_score": 6},
    {"quality_score": "5"},
    {"final_bubbles": []},
    {"final_bubbles": [" "]},
    {"edit_tags": ["CTA_SOFT", "CTA_SOFT"]},
    {"edit_tags": ["UNHEARD_OF"]},
    {"customer_status": "FRIEND"},
    {"ltv_amount": "10000.01"},
    {"ltv_amount": "1.005"},
    {"ltv_amount": -1},
    {"ltv_amount": True},
    {"schema_version": 2},
    {"user_id": ""},
    {"surprise": 1},
]


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    """A validator of the committed schema."""
    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_committed_schema_is_current() -> None:
    """`signoff schema > schemas/approval.schema.json` was run after the last change."""
    assert SCHEMA_FILE.read_text("utf-8") == schema_text()


def test_the_schema_takes_what_signoff_takes(validator: jsonschema.Draft202012Validator) -> None:
    """A minimal event is valid by both."""
    ApprovalEvent.parse(EVENT)

    assert validator.is_valid(EVENT)


@pytest.mark.parametrize("change", REFUSED, ids=str)
def test_the_schema_refuses_what_signoff_refuses(
    validator: jsonschema.Draft202012Validator, change: dict[str, Any]
) -> None:
    """An upstream that checks against the schema finds the error before it publishes."""
    with pytest.raises(InvalidEvent):
        ApprovalEvent.parse(EVENT | change)

    assert not validator.is_valid(EVENT | change)


def test_the_example_of_settings_names_each_with_its_default() -> None:
    """.env.example lists every setting, and no other but SIGNOFF_ACTOR."""
    text = (ROOT / ".env.example").read_text("utf-8")
    shown = dict(re.findall(r"^# SIGNOFF_([A-Z_]+)=(\S*)", text, re.MULTILINE))
    defaults = {
        variable_of(name).removeprefix("SIGNOFF_"): str(field.default)
        for name, field in Settings.model_fields.items()
        if field.default is not None
    }

    assert set(shown) - {"ACTOR"} == {
        variable_of(name).removeprefix("SIGNOFF_") for name in Settings.model_fields
    }
    assert {name: shown[name] for name in defaults} == defaults
