"""Passwords: what is accepted, and how it is compared."""

import pytest

from signoff_ops.passwords import PasswordError, hashed, matches


def test_a_password_matches_its_hash_and_no_other_does() -> None:
    """The hash is Argon2id; the password is not in it."""
    stored = hashed("correct horse", "ann")
    assert stored.startswith("$argon2id$")
    assert "horse" not in stored
    assert matches(stored, "correct horse")
    assert not matches(stored, "correct house")
    assert not matches(stored, "")


def test_nothing_matches_where_there_is_no_hash() -> None:
    """Neither does the empty password, whose hash is compared with meanwhile."""
    assert not matches(None, "")
    assert not matches(None, "correct horse")


def test_the_same_characters_in_another_form_match() -> None:
    """One keyboard sends é as one character, another as two."""
    assert matches(hashed("cafe\u0301 au lait", "ann"), "caf\u00e9 au lait")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "has 5 characters; it must have 12 to 200"),
        ("x" * 201, "has 201 characters"),
        ("Annabel-Lee-1", "is the user's name"),
    ],
)
def test_a_bad_password_is_refused_with_the_reason(password: str, reason: str) -> None:
    """No rule about kinds of characters: length is what counts."""
    with pytest.raises(PasswordError, match=reason):
        hashed(password, "annabel-lee-1")


def test_any_text_may_be_compared() -> None:
    """Lone surrogates, NUL and a megabyte are wrong passwords, and no errors."""
    for password in ("\ud800", "\0", "x" * 1_000_000):
        assert not matches(None, password)
