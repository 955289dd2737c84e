"""Why a server is unavailable, as logs and health show it."""

import psycopg
import redis

from signoff_db.error_text import reason_of
from signoff_schemas import SignoffError
from signoff_schemas.redis_reason import redis_reason
from signoff_schemas.wording import printable

_LIMIT = 1000


def outage_reason(error: Exception) -> str:
    """One line with the message of the server, of the system or of Signoff; no other text.

    The message of a parser quotes its input, which may be a URL with a password.
    """
    match error:
        case redis.RedisError():
            return redis_reason(error)
        case psycopg.Error():
            return reason_of(error)
        case SignoffError() | OSError():
            return printable(str(error), limit=_LIMIT)
    return type(error).__name__
