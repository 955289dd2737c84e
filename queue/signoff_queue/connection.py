"""Connections for commands; errors of the driver become sentences with the server's address."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from signoff_schemas import Settings, SignoffError, masked, redis_client
from signoff_schemas.redis_reason import redis_reason


class RedisUnavailableError(SignoffError):
    """Redis cannot be reached, or refused a command."""


@contextmanager
def redis_of(settings: Settings) -> Iterator[redis.Redis]:
    """A client for one use, without retries, since a person waits for the answer.

    Raises:
        RedisUnavailableError: Redis cannot be reached, or refused a command of the block.
    """
    url = settings.require("redis_url")
    with impatient_client(url) as client, redis_explained(url):
        yield client


def impatient_client(url: str, *, seconds: float = 30) -> redis.Redis:
    """A client without retries: a person waits, and gets the error at once.

    `seconds` is how long an answer may take.
    """
    return redis_client(
        url,
        socket_timeout=seconds,
        socket_connect_timeout=min(5, seconds),
        retry=Retry(NoBackoff(), 0),
    )


@contextmanager
def redis_explained(url: str) -> Iterator[None]:
    """Turn errors of redis-py in the block into `RedisUnavailableError`."""
    try:
        yield
    except redis.RedisError as error:
        raise RedisUnavailableError(
            f"Redis at {masked(url)} failed: {redis_reason(error)}"
        ) from error
