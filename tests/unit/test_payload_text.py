"""A payload that is edited as text keeps all digits of values that were not edited."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff_db.payload_text import (
    fields_of,
    json_or_text,
    readable,
    readable_beginning,
    with_fields,
)

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
    """A float would change some numbers."""
    changed = with_fields(FINE, {"quality_score": "4", "user_id": '"ann"'})

    assert changed == FINE.replace(b"9", b"4", 1)[:-1] + b', "user_id": "ann"}'


def test_a_payload_is_shown_with_its_own_digits() -> None:
    """It is opened in an editor, and the saved text is applied."""
    shown = readable(FINE)

    assert '"ltv_amount": 10.000000000000000001,\n' in shown
    assert fields_of(shown.encode()) == fields_of(FINE)


@given(OBJECTS, st.booleans())
def test_a_payload_is_shown_as_the_same_json_indented(
    value: dict[str, Any], ascii_only: bool
) -> None:
    """As Python indents it; its escapes may differ."""
    payload = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    shown = readable(payload)

    assert json.loads(shown) == value
    assert shown == json.dumps(value, indent=2, ensure_ascii=False)


@given(OBJECTS, st.text(), JSON, st.sampled_from([None, 1]))
def test_setting_a_field_is_setting_it_in_the_object(
    value: dict[str, Any], name: str, new: object, indent: int | None
) -> None:
    """The object may have any form."""
    payload = json.dumps(value, indent=indent).encode()

    changed = with_fields(payload, {name: json.dumps(new)})

    assert changed is not None
    assert json.loads(changed) == value | {name: new}


@given(st.binary())
def test_any_bytes_can_be_shown(payload: bytes) -> None:
    """Bytes that are not text are escaped, so that they can be shown and stored."""
    readable(payload).encode()
    if fields_of(payload) is None:
        assert with_fields(payload, {"a": "1"}) is None


@pytest.mark.parametrize(
    "payload", [b'{"a": "\\ud800"}', b'{"\\ud800": 1}', b'{"a": 1e9999999999999}']
)
def test_odd_json_can_be_shown_and_edited(payload: bytes) -> None:
    """Lone surrogates stay escaped; a number that Decimal cannot hold causes no error."""
    readable(payload).encode()
    changed = with_fields(payload, {"b": "2"})
    assert changed is None or fields_of(changed) is not None


def test_a_name_that_occurs_twice_is_set_once() -> None:
    """Readers use the last value, so the earlier ones must not be kept."""
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
    """A number keeps its digits; NaN is not JSON."""
    assert json_or_text(typed) == meant


def test_fields_hold_exact_numbers() -> None:
    """So a difference in the last digit is found."""
    fields = fields_of(FINE)
    assert fields is not None
    assert fields["ltv_amount"] == Decimal("10.000000000000000001")
    assert fields["quality_score"] == 9


@given(payload=OBJECTS.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=300))
def test_the_beginning_of_a_text_is_that_of_all_of_it(payload: bytes) -> None:
    """Up to the number of characters; whether that is all is said."""
    whole = readable(payload)
    for most in (0, 10, len(whole) - 1, len(whole), len(whole) + 1):
        if most >= 0:
            beginning, complete = readable_beginning(payload, most)
            assert beginning == whole[:most]
            assert complete == (len(whole) <= most)


def test_a_deep_payload_is_not_written_out_to_be_cut() -> None:
    """Indented, it would take a gigabyte."""
    deep = b"[" * 900 + b"1," * 100_000 + b"1" + b"]" * 900
    beginning, complete = readable_beginning(deep, 1000)
    assert len(beginning) == 1000
    assert not complete
