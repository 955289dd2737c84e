"""Failures of Redis in a publisher: which of them may pass by themselves, and their messages."""

from dataclasses import dataclass
from typing import Final, Self

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
"""The connection was lost (LOADING counts as that), or a replica got the command in a failover."""
_DENIED: Final = (redis.AuthenticationError, AuthorizationError, NoPermissionError)


def passes(error: redis.RedisError) -> bool:
    """Whether publishing again a little later may succeed.

    A refusal (no memory, a wrong password, a wrong type) lasts until a person fixes it.
    """
    if isinstance(error, _DENIED):
        return False
    # In a script, Redis 6.2 quotes READONLY inside of an ERR reply.
    return isinstance(error, _PASSING) or "-READONLY " in str(error)


@dataclass(frozen=True, slots=True)
class Server:
    """The Redis that a client connects to, as messages name it."""

    address: str
    label: str
    """The address with the number of the database: a spool file is for one of these."""
    password: str | None

    @classmethod
    def of(cls, client: redis.Redis | redis.asyncio.Redis) -> Self:
        """The server of a client."""
        pool = client.connection_pool
        options = pool.connection_kwargs
        password = options.get("password")
        database = options.get("db") or 0
        address = str(
            options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
        )
        if service := getattr(pool, "service_name", None):
            named = f"the primary of {service!r}, as Sentinels name it,"
            return cls(named, f"sentinel/{service}/{database}", password)
        return cls(address, f"{address}/{database}", password)

    def unavailable(
        self, error: redis.RedisError, timeout: float | None = None
    ) -> QueueUnavailableError:
        """Signoff's error for one of redis-py; `timeout` is that of the whole publish."""
        within = f" within the {timeout:g} s that a publish may take" if timeout else ""
        return QueueUnavailableError(
            f"Redis at {self.address} did not take the events{within}: {self._reason(error)}. "
            f"{_advice(error)}"
        )

    def _reason(self, error: redis.RedisError) -> str:
        """The error's text, without a password that the server may quote."""
        text = str(error).rstrip(".")
        return text.replace(str(self.password), "***") if self.password else text


def _advice(error: redis.RedisError) -> str:
    if isinstance(error, _DENIED) or str(error).startswith(("NOAUTH", "HELLO must", "DB index")):
        return "Check the user, password and database number of the Redis URL (SIGNOFF_REDIS_URL)"
    return "Publish them again: what it may have taken takes effect once"
