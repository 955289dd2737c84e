"""Keys and tokens: their form, and what is stored of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff_ops.tokens import hash_of, key_parts, new_key, new_token


def test_a_key_is_read_as_it_was_written() -> None:
    """Its form is fixed, so that scanners of source code find leaked ones."""
    key = new_key()
    assert key_parts(str(key)) == key
    assert len(str(key)) == len("sgn_") + 16 + 1 + 64


@given(st.text(max_size=100))
def test_no_other_text_is_a_key(text: str) -> None:
    """Whatever a request holds: it is refused before anything is looked up."""
    assert key_parts(text) is None


@pytest.mark.parametrize("end", ["\n", " ", "0", "é"])
def test_a_key_with_something_after_it_is_none(end: str) -> None:
    """Also a line break, which some patterns overlook."""
    assert key_parts(f"{new_key()}{end}") is None


@pytest.mark.parametrize("token", ["", "é", "x" * 201])
def test_what_can_be_no_token_is_not_hashed(token: str) -> None:
    """A cookie may hold anything, of any length."""
    assert hash_of(token) is None


def test_tokens_differ() -> None:
    """Each is random, and so is its hash."""
    tokens = {new_token() for _ in range(100)}
    assert len({hash_of(token) for token in tokens}) == 100
