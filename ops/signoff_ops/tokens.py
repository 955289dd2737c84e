"""The secrets that are given out: tokens of links and sessions, keys. Only hashes are stored."""

import re
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

_LONGEST: Final = 200
_ID: Final = re.compile(r"[0-9a-f]{16}")
_KEY: Final = re.compile(r"sgn_([0-9a-f]{16})_([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class KeyParts:
    """A key: `sgn_<id>_<secret>`."""

    id: str
    secret: str

    def __str__(self) -> str:
        return f"sgn_{self.id}_{self.secret}"

    @property
    def secret_hash(self) -> bytes:
        """What is stored of the secret."""
        return sha256(self.secret.encode()).digest()


def new_token() -> str:
    """A token of 256 random bits."""
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> bytes | None:
    """What is stored of a token; None if the text can be no token."""
    if not token or len(token) > _LONGEST or not token.isascii():
        return None
    return sha256(token.encode()).digest()


def new_key() -> KeyParts:
    """A key with a secret of 256 random bits."""
    return KeyParts(secrets.token_hex(8), secrets.token_hex(32))


def is_key_id(text: str) -> bool:
    """Whether the text is in the form of a key's id."""
    return _ID.fullmatch(text) is not None


def key_parts(text: str) -> KeyParts | None:
    """The parts of a key; None if the text is not in its form."""
    found = _KEY.fullmatch(text)
    return KeyParts(found[1], found[2]) if found else None
