"""What comes from outside is shown on one line, escaped, and as JSON that any terminal can show."""

import json
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff_schemas.wording import in_zone, json_text, printable


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
def test_what_is_not_printable_is_shown_by_its_escape(text: str, shown: str) -> None:
    """Line breaks, terminal controls and those of the direction of reading."""
    assert printable(text) == shown


def test_a_long_text_is_cut_and_says_so() -> None:
    """With the length that it had."""
    assert printable("x" * 1234, limit=5) == "xxxxx… (1,234 characters)"


@given(st.text())
def test_any_text_is_printable_afterwards(text: str) -> None:
    """On one line."""
    assert printable(text).isprintable()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_json_reads_as_the_same_value(value: object, indent: int | None, ascii_only: bool) -> None:
    """And holds nothing but printable characters and the line breaks of its own layout."""
    text = json_text(value, indent=indent, ascii_only=ascii_only)

    assert json.loads(text) == value
    assert text.replace("\n", "").isprintable()
    assert text.isascii() or not ascii_only


def test_a_moment_that_a_zone_does_not_have_stays_as_it_is() -> None:
    """In year 1 New York is in the year before, which has no number."""
    first = datetime(1, 1, 1, tzinfo=UTC)
    assert in_zone(first, ZoneInfo("America/New_York")) == first
    early = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))
    assert json_text(early) == '"0001-01-01T00:00:00+05:00"'
