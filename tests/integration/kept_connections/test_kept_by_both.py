"""What holds for the connections that any producer keeps between its calls, on a real server."""

from collections.abc import Callable
from typing import Any

import pytest
import redis
import redis.asyncio
from approvals import mapping
from processes import eventually
from publishers import Publisher, publishing

WAITING = "rq:queue:approvals"


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of publisher."""
    return str(request.param)


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The data that any client writes to its socket, one item for each write."""
    written: list[bytes] = []

    def noting(sending: Any) -> Any:
        def note(self: Any, command: Any, *args: Any, **options: Any) -> Any:
            pieces = [command] if isinstance(command, bytes) else list(command)
            written.extend(pieces)
            return sending(self, pieces, *args, **options)

        return note

    for one in (redis.Connection, redis.asyncio.Connection):
        monkeypatch.setattr(one, "send_packed_command", noting(one.send_packed_command))
    return written


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The pools that were asked for a connection, in order."""
    pools: list[object] = []

    def noting(get_connection: Any) -> Any:
        def note(self: object, *args: Any, **options: Any) -> Any:
            pools.append(self)
            return get_connection(self, *args, **options)

        return note

    for one in (redis.ConnectionPool, redis.asyncio.ConnectionPool):
        monkeypatch.setattr(one, "get_connection", noting(one.get_connection))
    return pools


def only_kept(publisher: Publisher) -> Any:
    """The one connection that the producer keeps."""
    producer = publisher.producer
    (kept,) = (getattr(producer, "_connections", None) or producer._calls)._kept
    return kept


def test_one_publish_is_one_write_on_one_connection(
    kind: str,
    redis_url: str,
    client: redis.Redis,
    connected: Callable[[], set[int]],
    writes: list[bytes],
) -> None:
    """With any answer; the call that loads the script needs no second connection either."""
    one = mapping()
    client.script_flush()
    with publishing(kind, redis_url) as publisher:
        publisher.publish(one)
        made = connected()
        writes.clear()

        answers = [publisher.publish(event).answer for event in (mapping(), one, mapping())]

        sent = list(writes)
        assert connected() == made
    assert answers == ["accepted", "duplicate", "accepted"]
    assert len(made) == 1
    assert [b"EVALSHA" in piece for piece in sent] == [True] * 3


def test_the_pool_is_asked_once(
    kind: str, redis_url: str, client: redis.Redis, asked: list[object]
) -> None:
    """For the first event; the connection stays with the producer."""
    with publishing(kind, redis_url) as publisher:
        asked.clear()
        for _ in range(3):
            publisher.publish(mapping())

        assert asked == [publisher.producer._redis.connection_pool]
    assert client.llen(WAITING) == 3


def test_closing_closes_the_kept_connections(
    kind: str, redis_url: str, connected: Callable[[], set[int]]
) -> None:
    """None is left; publishing again connects again."""
    with publishing(kind, redis_url) as publisher:
        publisher.publish(mapping())
        publisher.close()

        eventually(lambda: not connected(), what="all are closed")
        assert publisher.publish(mapping()).answer == "accepted"
    eventually(lambda: not connected(), what="all are closed")


def test_a_connection_lost_between_calls_is_replaced(
    kind: str, redis_url: str, client: redis.Redis, connected: Callable[[], set[int]]
) -> None:
    """Redis closed it, as after its `timeout` or a restart; the next call connects again."""
    with publishing(kind, redis_url, publish_retries=0) as publisher:
        publisher.publish(mapping())
        (lost,) = connected()
        client.client_kill_filter(_id=str(lost))
        eventually(lambda: not connected(), what="it is closed")

        assert publisher.publish(mapping()).answer == "accepted"


def test_a_connection_that_the_server_wants_replaced_is_replaced(
    kind: str, redis_url: str, connected: Callable[[], set[int]]
) -> None:
    """A server in maintenance requests a new connection."""
    with publishing(kind, redis_url) as publisher:
        publisher.publish(mapping())
        old = connected()
        only_kept(publisher).mark_for_reconnect()

        assert publisher.publish(mapping()).answer == "accepted"
        eventually(lambda: not old & connected(), what="the old one is closed")
