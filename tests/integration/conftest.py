"""Connections for the tests that talk to Postgres and Redis themselves."""

from collections.abc import Iterator

import pytest
import redis
from parallel import lanes_of

from signoff_db.connection import BatchConnection, connect_for_batches


@pytest.fixture
def connection(database_url: str) -> Iterator[BatchConnection]:
    """A connection as workers use it, to a fresh, migrated database."""
    with connect_for_batches(database_url, application="test") as connection:
        yield connection


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
