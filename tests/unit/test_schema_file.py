"""The committed schema and settings example match the code."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from signoff_cli.schema import EventType
from signoff_schemas import KINDS, ApprovalEvent, InvalidEvent, Settings, StatusDecision
from signoff_schemas.json_schema import schema_text
from signoff_schemas.role_settings import variable_of

ROOT = Path(__file__).parents[2]
EVENT: dict[str, Any] = {
    "event_id": "00000000-0000-4000-8000-000000000001",
    "occurred_at": "2026-01-31T10:00:00Z",
    "interaction_id": "00000000-0000-4000-8000-000000000002",
    "final_bubbles": ["hello"],
    "quality_score": 5,
}
DECISION: dict[str, Any] = {
    "event_type": "status_decision",
    "event_id": "00000000-0000-4000-8000-000000000001",
    "occurred_at": "2026-01-31T10:00:00Z",
    "user_id": "user-1",
    "customer_status": "CHURNED",
    "decided_by": "user:ann",
    "reason": "asked to be forgotten",
}
RULE = {"decided_by": "rule:churn-silence@3"}
GROUND = {"rests_on": "00000000-0000-4000-8000-000000000002"}
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
    {"event_type": "status_decision"},
]
REFUSED_DECISIONS = [
    {"event_type": None},
    {"event_type": "approval"},
    {"user_id": None},
    {"user_id": ""},
    {"customer_status": None},
    {"customer_status": "FRIEND"},
    {"decided_by": ""},
    {"decided_by": "u" * 201},
    {"reason": ""},
    {"reason": "r" * 501},
    {"evidence": [1]},
    {"rests_on": 5},
    {"interaction_id": "00000000-0000-4000-8000-000000000002"},
    {"ltv_amount": "1.00"},
    {"surprise": 1},
    RULE,
    RULE | {"rests_on": None},
]


def committed(event_type: str) -> str:
    """The committed schema of a kind of event."""
    return (ROOT / "schemas" / f"{event_type}.schema.json").read_text("utf-8")


def validator_of(event_type: str) -> jsonschema.Draft202012Validator:
    """A validator of the committed schema."""
    schema = json.loads(committed(event_type))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    """A validator of approvals."""
    return validator_of("approval")


@pytest.fixture(scope="module")
def decision_validator() -> jsonschema.Draft202012Validator:
    """A validator of status decisions."""
    return validator_of("status_decision")


def test_there_is_a_schema_for_each_kind_of_event() -> None:
    """`signoff schema` offers those that the code knows, and each is committed."""
    files = {path.name.partition(".")[0] for path in (ROOT / "schemas").glob("*.schema.json")}

    assert files == set(EventType) == set(KINDS)


@pytest.mark.parametrize("event_type", KINDS)
def test_the_committed_schema_is_current(event_type: str) -> None:
    """`signoff schema KIND > schemas/KIND.schema.json` was run after the last change."""
    assert committed(event_type) == schema_text(event_type)


def test_the_schema_takes_what_signoff_takes(validator: jsonschema.Draft202012Validator) -> None:
    """A minimal event is valid by both."""
    ApprovalEvent.parse(EVENT)

    assert validator.is_valid(EVENT)


@pytest.mark.parametrize("field", ["quality_score", "schema_version"])
@pytest.mark.parametrize(
    "number", ["1", "1.0", "1e0", "10e-1", "-0.0", "0", "1.5", "6.0", "2.0", "true", '"1"', "1e400"]
)
def test_the_schema_and_signoff_agree_on_integers(
    validator: jsonschema.Draft202012Validator, field: str, number: str
) -> None:
    """`1.0` and `1` are one number in JSON, and in the canonical JSON they are one text."""
    event = EVENT | {"quality_score": 1, field: json.loads(number)}
    text = json.dumps(event | {field: "HERE"}).replace('"HERE"', number).encode()
    try:
        read = ApprovalEvent.parse(text)
    except InvalidEvent:
        assert not validator.is_valid(event)
    else:
        assert validator.is_valid(event)
        assert (
            read.canonical_json()
            == ApprovalEvent.parse(
                EVENT | {"quality_score": int(json.loads(number)), "schema_version": 1}
            ).canonical_json()
        )


@pytest.mark.parametrize("change", REFUSED, ids=str)
def test_the_schema_refuses_what_signoff_refuses(
    validator: jsonschema.Draft202012Validator, change: dict[str, Any]
) -> None:
    """An upstream that checks against the schema finds the error before it publishes."""
    with pytest.raises(InvalidEvent):
        ApprovalEvent.parse(EVENT | change)

    assert not validator.is_valid(EVENT | change)


@pytest.mark.parametrize(
    "change", [{}, GROUND, RULE | GROUND, {"evidence": {"days": 90}}, {"rests_on": None}], ids=str
)
def test_the_schema_takes_the_decisions_that_signoff_takes(
    decision_validator: jsonschema.Draft202012Validator, change: dict[str, Any]
) -> None:
    """What may be left out, and what a rule must give, is the same in both."""
    StatusDecision.parse(DECISION | change)

    assert decision_validator.is_valid(DECISION | change)


@pytest.mark.parametrize("change", REFUSED_DECISIONS, ids=str)
def test_the_schema_refuses_the_decisions_that_signoff_refuses(
    decision_validator: jsonschema.Draft202012Validator, change: dict[str, Any]
) -> None:
    """Decisions have neither an amount nor an interaction, and a rule says what it rests on."""
    with pytest.raises(InvalidEvent):
        StatusDecision.parse(DECISION | change)

    assert not decision_validator.is_valid(DECISION | change)


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
