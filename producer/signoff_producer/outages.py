"""What Redis's failures mean to a publisher: which pass by themselves, and what a person reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import redis
import redis.asyncio
from redis.exceptions import (
    AuthorizationError,
    MasterDownError,
    NoPermissionError,
    ReadOnlyError,
)

from signoff_producer.receipts import QueueUnavailableError

_PASSING: Final = (redis.ConnectionError, redis.TimeoutError, ReadOnlyError, MasterDownError)
"""The connection broke (LOADING counts as that), or a replica was asked in a failover."""
_DENIED: Final = (redis.AuthenticationError, AuthorizationError, NoPermissionError)


def passes(error: redis.RedisError) -> bool:
    """Whether publishing again, a little later, may find Redis well.

    A refusal (no memory, a wrong password, a wrong type) stays until a person mends it.
    """
    if isinstance(error, _DENIED):
        return False
    # Redis 6.2 quotes the word inside of an ERR where a script met it.
    return isinstance(error, _PASSING) or "-READONLY " in str(error)


@contextmanager
def unavailable(client: redis.Redis | redis.asyncio.Redis) -> Iterator[None]:
    """Turn what redis-py raises into Signoff's own error."""
    try:
        yield
    except redis.RedisError as error:
        raise QueueUnavailableError(
            f"Redis at {_address(client)} did not take the events: {_reason(client, error)}. "
            f"{_advice(error)}"
        ) from error


def _advice(error: redis.RedisError) -> str:
    if isinstance(error, _DENIED) or str(error).startswith(("NOAUTH", "HELLO must", "DB index")):
        return "Check the user, password and database number of the Redis URL (SIGNOFF_REDIS_URL)"
    return "Publish them again: what it may have taken takes effect once"


def _address(client: redis.Redis | redis.asyncio.Redis) -> str:
    pool = client.connection_pool
    if service := getattr(pool, "service_name", None):
        return f"the primary of {service!r}, as Sentinels name it,"
    options = pool.connection_kwargs
    return str(options.get("path") or f"{options.get('host')}:{options.get('port')}")


def _reason(client: redis.Redis | redis.asyncio.Redis, error: redis.RedisError) -> str:
    """The error's text; a server that does not know AUTH or HELLO quotes the password back."""
    password = client.connection_pool.connection_kwargs.get("password")
    text = str(error).rstrip(".")
    return text.replace(str(password), "***") if password else text
