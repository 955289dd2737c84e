"""Check that the servers that `signoff up` runs still answer."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from signoff_db.connection import answers
from signoff_schemas import Settings, SignoffError, redis_client

_FAILURES: Final = 4
"""Failed checks in a row after which a server has ended: a busy server may miss one."""
_TIMEOUT: Final = 2
"""Seconds for one check."""


class ServerEndedError(SignoffError):
    """A server that `signoff up` runs has stopped answering."""


@dataclass(slots=True)
class Watched:
    """One server."""

    name: str
    log: Path
    answers: Callable[[], bool]
    failures: int = 0

    def check(self) -> None:
        """Check once.

        Raises:
            ServerEndedError: it did not answer several times in a row.
        """
        self.failures = 0 if self.answers() else self.failures + 1
        if self.failures >= _FAILURES:
            raise ServerEndedError(f"{self.name} does not answer any more; see its log {self.log}")


def watched(given: Settings, running: Settings, data: Path) -> list[Watched]:
    """The servers that run on the folder `data`: those that the given settings do not name.

    Others are not watched: workers wait for them.
    """
    servers = []
    if given.redis_url is None:
        redis_url = running.require("redis_url")
        servers.append(Watched("Valkey", data / "valkey.log", lambda: redis_answers(redis_url)))
    if given.database_url is None:
        url = running.require("database_url")
        servers.append(Watched("Postgres", data / "postgres.log", lambda: answers(url)))
    return servers


def redis_answers(url: str) -> bool:
    """Whether Redis answers; a refusal is an answer too."""
    with redis_client(
        url,
        socket_timeout=_TIMEOUT,
        socket_connect_timeout=_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    ) as client:
        try:
            client.ping()
        except redis.ResponseError:
            return True
        except redis.RedisError:
            return False
        return True
