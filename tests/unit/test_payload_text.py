"""A payload that is read and edited as text keeps what nobody changed, digit for digit."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff_db.payload_text import fields_of, json_or_text, readable, with_fields

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=5)
FINE = b'{"quality_score": 9, "ltv_amount": 10.000000000000000001, "n": 1e400, "a": [1.10, -0.0]}'


def test_a_field_that_is_set_leaves_the_others_as_they_are_written() -> None:
    """A number that went through a float would be another one."""
    changed = with_fields(FINE, {"quality_score": "4", "user_id": '"ann"'})

    assert changed == FINE.replace(b"9", b"4", 1)[:-1] + b', "user_id": "ann"}'


def test_a_payload_is_shown_with_its_own_digits() -> None:
    """It goes into an editor, and what is saved there is applied."""
    shown = readable(FINE)

    assert '"ltv_amount": 10.000000000000000001,\n' in shown
    assert fields_of(shown.encode()) == fields_of(FINE)


@given(OBJECTS, st.booleans())
def test_what_is_shown_is_the_same_json_indented(value: dict[str, Any], ascii_only: bool) -> None:
    """As Python would indent it, whatever escapes it came with."""
    payload = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    shown = readable(payload)

    assert json.loads(shown) == value
    assert shown == json.dumps(value, indent=2, ensure_ascii=False)


@given(OBJECTS, st.text(), JSON, st.sampled_from([None, 1]))
def test_setting_a_field_is_setting_it_in_the_object(
    value: dict[str, Any], name: str, new: object, indent: int | None
) -> None:
    """However the object is written."""
    payload = json.dumps(value, indent=indent).encode()

    changed = with_fields(payload, {name: json.dumps(new)})

    assert changed is not None
    assert json.loads(changed) == value | {name: new}


@given(st.binary())
def test_any_bytes_can_be_shown(payload: bytes) -> None:
    """Bytes that are no text are escaped, so that every terminal and file takes them."""
    readable(payload).encode()
    if fields_of(payload) is None:
        assert with_fields(payload, {"a": "1"}) is None


@pytest.mark.parametrize(
    "payload", [b'{"a": "\\ud800"}', b'{"\\ud800": 1}', b'{"a": 1e9999999999999}']
)
def test_odd_json_can_be_shown_and_edited(payload: bytes) -> None:
    """Halves of characters stay escaped; a number that no decimal holds does no harm."""
    readable(payload).encode()
    changed = with_fields(payload, {"b": "2"})
    assert changed is None or fields_of(changed) is not None


def test_a_name_that_stands_twice_is_set_once() -> None:
    """Readers take the last, so that the first must not survive beside what was set."""
    assert with_fields(b'{"a": 1, "b": 2, "a": 3}', {"a": "4"}) == b'{"a": 4, "b": 2}'


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("4", "4"),
        ("2.50", "2.50"),
        (" [1] ", "[1]"),
        ("null", "null"),
        ("ann", '"ann"'),
        ("NaN", '"NaN"'),
        ("9" * 5000, "9" * 5000),
        ('say "hi"', '"say \\"hi\\""'),
    ],
)
def test_what_a_person_types_is_json_or_text(typed: str, meant: str) -> None:
    """A number keeps the digits that were typed; NaN is no JSON."""
    assert json_or_text(typed) == meant


def test_fields_hold_exact_numbers() -> None:
    """So that a difference in the last digit is one."""
    fields = fields_of(FINE)
    assert fields is not None
    assert fields["ltv_amount"] == Decimal("10.000000000000000001")
    assert fields["quality_score"] == 9
