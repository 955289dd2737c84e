"""Passwords: what is accepted, and how it is compared."""

import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest
from processes import DEADLINE

from signoff_ops import passwords
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


def test_many_sign_ins_at_once_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two passwords are hashed at a time, six more wait, and others are told to try again later."""
    stored = hashed("correct horse battery", "ann")
    matches(None, "once, for the hash of nothing")
    hashing = threading.Event()

    class Slow:
        def verify(self, _hash: str, _password: str) -> bool:
            return hashing.wait(DEADLINE)

    monkeypatch.setattr(passwords, "_HASHER", Slow())
    with ThreadPoolExecutor(9) as pool:
        asked = [pool.submit(matches, stored, "some password") for _ in range(9)]
        refused = next(as_completed(asked, timeout=DEADLINE))
        assert isinstance(refused.exception(), passwords.TooManyPasswordsError)
        hashing.set()
    assert [one.result() for one in asked if one is not refused] == [True] * 8
