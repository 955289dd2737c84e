"""Connections for the tests that talk to Postgres and Redis themselves."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from parallel import lanes_of
from psycopg_pool import ConnectionPool

from signoff_db.connection import (
    BatchConnection,
    ServiceConnection,
    connect_for_batches,
    pool_of,
)
from signoff_ops import servers


@pytest.fixture
def connection(database_url: str) -> Iterator[BatchConnection]:
    """A connection as workers use it, to a fresh, migrated database."""
    with connect_for_batches(database_url, application="test") as connection:
        yield connection


@pytest.fixture
def without_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests to a service without Postgres wait for it only briefly: it does not come."""

    def impatient(*given: Any, **named: Any) -> ConnectionPool[ServiceConnection]:
        return pool_of(*given, **named | {"wait_seconds": 0.2})

    monkeypatch.setattr(servers, "pool_of", impatient)


@pytest.fixture
def lanes(database_url: str) -> Iterator[list[BatchConnection]]:
    """Three such connections, which several workers use at the same time."""
    with lanes_of(database_url, 3) as connections:
        yield connections


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """A client of an empty Valkey."""
    with redis.Redis.from_url(redis_url) as client:
        yield client
