"""Why a server is away, as logs and health tell it."""

import psycopg
import redis

from signoff_db.error_text import reason_of
from signoff_schemas import SignoffError
from signoff_schemas.redis_reason import redis_reason
from signoff_schemas.wording import printable

_LIMIT = 1000


def outage_reason(error: Exception) -> str:
    """One line in a server's, the system's or Signoff's own words; no other's are shown.

    What parsers say quotes what they were given, which may be a URL with its password.
    """
    match error:
        case redis.RedisError():
            return redis_reason(error)
        case psycopg.Error():
            return reason_of(error)
        case SignoffError() | OSError():
            return printable(str(error), limit=_LIMIT)
    return type(error).__name__
