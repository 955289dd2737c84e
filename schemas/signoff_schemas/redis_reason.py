"""Why Redis could not be used, fit for messages, logs and reports."""

from typing import Final

from signoff_schemas.wording import printable

_LIMIT: Final = 500
_QUOTED: Final = "with args beginning with"
"""A server that does not know AUTH or HELLO quotes the password after this text."""


def redis_reason(error: Exception) -> str:
    """The message of redis-py, on one line, without the part in which a server quotes a command."""
    text, quotes, _ = str(error).rstrip(".").partition(_QUOTED)
    shown = f"{text.rstrip(', ')} (what it quotes is left out)" if quotes else text
    return printable(shown, limit=_LIMIT) or type(error).__name__
