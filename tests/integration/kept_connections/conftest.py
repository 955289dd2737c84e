"""A Valkey, and the connections to it that a producer makes."""

from collections.abc import Callable

import pytest
import redis

from signoff_producer.publication import SCRIPT


@pytest.fixture
def client(client: redis.Redis) -> redis.Redis:
    """A client of an empty Valkey that knows the script."""
    client.script_load(SCRIPT)
    return client


@pytest.fixture
def connected(client: redis.Redis) -> Callable[[], set[int]]:
    """Tells the ids of the server's connections that were made since the test began."""
    before = _connections(client)
    return lambda: _connections(client) - before


def _connections(client: redis.Redis) -> set[int]:
    return {int(one["id"]) for one in client.client_list()}
