"""JSON for Postgres holds nothing that jsonb refuses."""

import json

from signoff_db.record_dead_letters import storable


def test_characters_that_jsonb_refuses_are_replaced() -> None:
    """NUL and unpaired surrogates, in names and values."""
    text = storable({"a\0": ["\0\0", "\\\0"], "b": "\ud800"})

    assert json.loads(text) == {"a\ufffd": ["\ufffd\ufffd", "\\\ufffd"], "b": "?"}


def test_a_text_about_an_escape_is_unchanged() -> None:
    """A backslash before `u0000` is two characters of JSON."""
    value = {"a": "\\u0000", "b": "C:\\u0000\\\\u0000"}

    assert json.loads(storable(value)) == value
