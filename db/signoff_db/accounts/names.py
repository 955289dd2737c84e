"""The names of users and keys; the CHECKs in 0014.accounts.sql say the same."""

import re
from typing import Final

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
RULE: Final = (
    "1 to 64 lower-case letters, digits and . _ @ + -, of which the first is a letter or a digit"
)


def name_of(text: str) -> str:
    """The text, if it is a name; raises `ValueError` if not."""
    if not _NAME.fullmatch(text):
        raise ValueError(RULE)
    return text
