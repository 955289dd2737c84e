"""Why Postgres could not be used, with the message of the server or of the system.

The message of a parser quotes the URL, and so may show the password. So only messages of known
origin are shown; any other message is replaced by a general one.
"""

import re
from typing import Final

import psycopg

from signoff_schemas.wording import printable

_LIMIT: Final = 500
_FAILED: Final = re.compile(r"\bfailed: ([^\n]+)")
"""libpq's `connection to server at "…", port … failed: REASON`; the reason is the server's text."""
_OF_CONNECTIONS: Final = (
    "server closed the connection",
    "the connection is",
    "connection timeout expired",
    "timeout expired",
    "SSL",
    "root certificate file",
    "certificate",
)
"""The beginnings of texts that name certificate files, and no other part of the URL."""


def reason_of(error: psycopg.Error) -> str:
    """The reason, on one line, without text that a parser may have written."""
    if message := error.diag.message_primary:
        return printable(message, limit=_LIMIT)
    text = str(error).strip()
    if found := _FAILED.findall(text):
        return printable(found[-1].rpartition("failed: ")[2].strip(), limit=_LIMIT)
    if text.startswith(_OF_CONNECTIONS):
        return printable(text.partition("\n")[0], limit=_LIMIT)
    if "resolve host" in text or "translate host name" in text:
        return "its host is not known"
    if isinstance(error, psycopg.ProgrammingError):
        return "its URL has a misspelt option, or a character that is not percent-encoded"
    return "a host, a port or an option that its URL names cannot be used"
