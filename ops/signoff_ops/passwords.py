"""Passwords: what is accepted as one, its hash, and the comparison that takes equally long."""

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from signoff_schemas import SignoffError

_SHORTEST: Final = 12
_LONGEST: Final = 200
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""Argon2id with the parameters that OWASP recommends: 19 MiB and some 20 ms a hash."""
_AT_A_TIME: Final = threading.BoundedSemaphore(2)
"""Many sign-ins at once must not take all memory."""


_IN_ALL: Final = threading.BoundedSemaphore(8)
"""Beyond these, nobody waits for a turn: who waits holds a thread that others need."""


class TooManyPasswordsError(SignoffError):
    """Too many passwords are looked at already; trying again a little later is safe."""


class PasswordError(SignoffError):
    """A text is not accepted as a password."""


def hashed(password: str, name: str) -> str:
    """The hash to store for the user `name`.

    Raises:
        PasswordError: the password is too short, too long, or the user's name.
        TooManyPasswordsError: try again later.
    """
    text = _normalized(password)
    if not _SHORTEST <= len(text) <= _LONGEST:
        raise PasswordError(
            f"the password has {len(text):,} characters; it must have {_SHORTEST} to {_LONGEST}"
        )
    if text.casefold() == name.casefold():
        raise PasswordError("the password is the user's name; choose another one")
    with _turn():
        return _HASHER.hash(text)


def matches(stored: str | None, password: str) -> bool:
    """Whether the password is the one of the hash.

    It takes as long if there is no hash, so that nobody learns from the time whether a user exists.

    Raises:
        TooManyPasswordsError: try again later.
    """
    unknown = _hash_of_nothing()
    text = _normalized(password[: _LONGEST + 1])
    with _turn():
        try:
            _HASHER.verify(stored or unknown, text)
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None


@contextmanager
def _turn() -> Iterator[None]:
    if not _IN_ALL.acquire(blocking=False):
        raise TooManyPasswordsError("too many sign-ins at once; try again in some seconds")
    try:
        with _AT_A_TIME:
            yield
    finally:
        _IN_ALL.release()


def _normalized(password: str) -> str:
    """The same characters may be typed in two forms; lone surrogates are no text."""
    text = unicodedata.normalize("NFC", password)
    return text.encode("utf-8", "replace").decode()


@cache
def _hash_of_nothing() -> str:
    with _AT_A_TIME:
        return _HASHER.hash("")
