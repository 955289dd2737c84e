"""Text from outside is shown escaped on one line, and JSON holds only printable characters."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signoff_schemas.wording import (
    in_zone,
    json_text,
    lasting,
    one_decimal,
    one_line_json,
    printable,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ~ text", "plain ~ text"),
        ("ärger 🎉", "ärger 🎉"),
        ("a\n2026-01-01 INFO forged", r"a\n2026-01-01 INFO forged"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b2J\x7f", r"\x9b2J\x7f"),
        ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
        ("txt.\u202eexe", r"txt.\u202eexe"),
        ("\ud800", r"\ud800"),
    ],
)
def test_characters_that_are_not_printable_are_escaped(text: str, shown: str) -> None:
    """Line breaks, terminal controls, and controls of the text's direction."""
    assert printable(text) == shown


def test_a_long_text_is_cut_and_says_so() -> None:
    """With its length."""
    assert printable("x" * 1234, limit=5) == "xxxxx… (1,234 characters)"


@given(st.text())
def test_any_text_becomes_printable(text: str) -> None:
    """On one line."""
    assert printable(text).isprintable()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_json_reads_as_the_same_value(value: object, indent: int | None, ascii_only: bool) -> None:
    """It holds only printable characters, and the line breaks of its indentation."""
    text = json_text(value, indent=indent, ascii_only=ascii_only)

    assert json.loads(text) == value
    assert text.replace("\n", "").isprintable()
    assert text.isascii() or not ascii_only


@pytest.mark.parametrize(
    ("amount", "text"), [("0", "0.00"), ("1E+2", "100.00"), ("-3.5", "-3.50"), ("250.00", "250.00")]
)
def test_amounts_in_json_have_two_decimal_places(amount: str, text: str) -> None:
    """However they were computed: a sum of nothing is 0.00."""
    assert json.loads(json_text([Decimal(amount)])) == [text]


@pytest.mark.parametrize("number", ["10.005", "0.001", "1E+999999999", "NaN", "Infinity"])
def test_what_is_no_amount_is_not_rounded_in_json(number: str) -> None:
    """What was refused for three decimal places shows them; a huge number has no billion digits."""
    assert json.loads(json_text([Decimal(number)])) == [number]


@given(st.text(), st.booleans())
@example("\u00e4\x7f\x9b\u202e", True)
@example("\u00e4\x7f\x9b\u202e", False)
def test_json_of_another_writer_is_made_printable(value: str, ascii_only: bool) -> None:
    """It reads as the same value; without other characters than ASCII where that is asked for."""
    text = one_line_json(json.dumps(value, ensure_ascii=False), ascii_only=ascii_only)

    assert json.loads(text) == value
    assert text.isprintable()
    assert text.isascii() or not ascii_only


def test_a_moment_without_a_local_time_is_unchanged() -> None:
    """At the beginning of year 1, New York is in year 0, which does not exist."""
    first = datetime(1, 1, 1, tzinfo=UTC)
    assert in_zone(first, ZoneInfo("America/New_York")) == first
    early = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))
    assert json_text(early) == '"0001-01-01T00:00:00+05:00"'


def test_a_small_number_is_not_written_as_none() -> None:
    """Only 0 itself is 0.0."""
    numbers = (0, 0.0001, 0.049, 0.05, 0.24, 1234.56)
    assert [one_decimal(number) for number in numbers] == [
        "0.0",
        "less than 0.1",
        "less than 0.1",
        "0.1",
        "0.2",
        "1,234.6",
    ]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (1.8, "1.8 s"),
        (34.14, "34 s"),
        (119.4, "119 s"),
        (150, "2.5 min"),
        (3600, "60 min"),
        (9000, "2.5 h"),
        (30 * 3600, "30 h"),
        (5 * 86_400, "5 d"),
        (2000 * 86_400, "2,000 d"),
    ],
)
def test_a_length_of_time_is_told_in_one_unit(seconds: float, said: str) -> None:
    """In seconds below two minutes."""
    assert lasting(seconds) == said
