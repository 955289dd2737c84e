"""The connections that a producer keeps between its calls, on a real server."""

import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
import redis
from approvals import approval, mapping
from processes import DEADLINE

from signoff_producer import Producer
from signoff_producer.publication import SCRIPT

WAITING = "rq:queue:approvals"
THREADS = 8


@pytest.fixture
def client(client: redis.Redis) -> redis.Redis:
    """A client of an empty Valkey that knows the script."""
    client.script_load(SCRIPT)
    return client


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The data that any client writes to its socket, one item for each write."""
    written: list[bytes] = []
    sending = redis.Connection.send_packed_command

    def note(self: Any, command: Any, *args: Any, **options: Any) -> Any:
        pieces = [command] if isinstance(command, bytes) else list(command)
        written.extend(pieces)
        return sending(self, pieces, *args, **options)  # type: ignore[no-untyped-call]  # same

    monkeypatch.setattr(redis.Connection, "send_packed_command", note)
    return written


def connected(client: redis.Redis) -> set[int]:
    """The ids of the server's connections, without those of the test's own client."""
    own = client.client_id()
    return {int(one["id"]) for one in client.client_list()} - {own}


@pytest.fixture
def before(client: redis.Redis) -> set[int]:
    """The connections that existed when the test began."""
    return connected(client)


def only_kept(producer: Producer) -> Any:
    """The one connection that the producer keeps."""
    assert producer._connections
    (kept,) = producer._connections._kept
    return kept


def test_one_publish_is_one_write_on_one_connection(
    redis_url: str, client: redis.Redis, before: set[int], writes: list[bytes]
) -> None:
    """With any answer; the call that loads the script needs no second connection either."""
    one = mapping()
    client.script_flush()
    with Producer(redis_url) as producer:
        producer.publish(one)
        kept = connected(client) - before
        writes.clear()

        answers = [producer.publish(event).answer for event in (mapping(), one, mapping())]

        sent = list(writes)
        assert connected(client) - before == kept
    assert answers == ["accepted", "duplicate", "accepted"]
    assert len(kept) == 1
    assert [b"EVALSHA" in piece for piece in sent] == [True] * 3


def test_closing_closes_the_kept_connections(
    redis_url: str, client: redis.Redis, before: set[int]
) -> None:
    """None is left; publishing again connects again."""
    producer = Producer(redis_url)
    producer.publish(mapping())
    producer.close()

    assert connected(client) == before
    with producer:
        assert producer.publish(mapping()).answer == "accepted"
    assert connected(client) == before


@pytest.mark.usefixtures("client")
def test_a_connection_of_the_callers_own_pool_is_returned(redis_url: str) -> None:
    """After each call, since the pool may have no other connection."""
    with redis.Redis.from_url(redis_url, max_connections=1) as callers:
        producer = Producer(connection=callers)

        assert producer.publish(mapping()).answer == "accepted"
        assert callers.llen(WAITING) == 1


def test_threads_have_a_connection_each(
    redis_url: str, client: redis.Redis, before: set[int]
) -> None:
    """Each of eight threads gets the answers to its own events."""
    start = threading.Barrier(THREADS)

    with Producer(redis_url) as producer:

        def publish(_: int) -> list[str]:
            start.wait()
            receipts = []
            for _ in range(30):
                one = mapping()
                receipts += [
                    producer.publish(one | change) for change in ({}, {}, {"user_id": "x"})
                ]
                assert {receipt.event_id for receipt in receipts[-3:]} == {receipts[-1].event_id}
                assert str(receipts[-1].event_id) == str(one["event_id"])
            return [receipt.answer.value for receipt in receipts]

        with ThreadPoolExecutor(THREADS) as pool:
            answers = list(pool.map(publish, range(THREADS)))
        made = connected(client) - before

    assert answers == [["accepted", "duplicate", "conflict"] * 30] * THREADS
    assert client.llen(WAITING) == THREADS * 30
    assert 1 <= len(made) <= THREADS


FORKING = """
import os, sys
from signoff_producer import Producer

url, *events = sys.argv[1:]
with Producer(url) as producer:
    producer.publish(events[0])
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0
    print(*(producer.publish(event).answer for event in events), flush=True)
"""


def test_a_forked_process_makes_a_connection_of_its_own(
    redis_url: str, client: redis.Redis
) -> None:
    """The parent's connection still works."""
    events = [approval().canonical_json().decode() for _ in range(3)]
    client.config_resetstat()

    done = subprocess.run(
        [sys.executable, "-c", FORKING, redis_url, *events],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "duplicate accepted accepted",
        "duplicate duplicate duplicate",
    ]
    assert client.info("stats")["total_connections_received"] == 2


def test_a_connection_lost_between_calls_is_replaced(
    redis_url: str, client: redis.Redis, before: set[int]
) -> None:
    """Redis closed it, as after its `timeout` or a restart; the next call connects again."""
    with Producer(redis_url, publish_retries=0) as producer:
        producer.publish(mapping())
        (kept,) = connected(client) - before
        client.client_kill_filter(_id=str(kept))

        assert producer.publish(mapping()).answer == "accepted"
        assert kept not in connected(client)


@pytest.mark.usefixtures("client")
def test_a_connection_with_unread_data_is_not_used(redis_url: str) -> None:
    """An unread answer is not taken as the answer to the next event."""
    with Producer(redis_url, publish_retries=0) as producer:
        producer.publish(mapping())
        kept = only_kept(producer)
        kept.send_command("ECHO", "stale")
        answers: list[Any] = [kept._sock]
        assert select.select(answers, [], [], DEADLINE)[0], "the answer does not arrive"

        assert producer.publish(mapping()).answer == "accepted"


def test_a_connection_that_the_server_wants_replaced_is_replaced(
    redis_url: str, client: redis.Redis, before: set[int]
) -> None:
    """A server in maintenance requests a new connection."""
    with Producer(redis_url) as producer:
        producer.publish(mapping())
        old = connected(client) - before
        only_kept(producer).mark_for_reconnect()

        assert producer.publish(mapping()).answer == "accepted"
        assert not old & connected(client)


@contextmanager
def interrupted_on_entering(name: str) -> Iterator[None]:
    """Raise Ctrl-C when the function of this name begins, one of the places where it may happen."""

    def interrupt(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name == name:
            sys.setprofile(None)
            raise KeyboardInterrupt

    sys.setprofile(interrupt)
    try:
        yield
    finally:
        sys.setprofile(None)


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    "where",
    [
        *("_is_good", "_write", "send_packed_command"),
        *("_begin", "result", "answer", "_read", "read_response", "checked"),
    ],
)
def test_an_interrupted_publish_keeps_no_connection(redis_url: str, where: str) -> None:
    """A pool of one connection has it back, and the event can be published again."""
    one = mapping()
    with Producer(f"{redis_url}?max_connections=1", publish_retries=0) as producer:
        producer.publish(mapping())

        with interrupted_on_entering(where), pytest.raises(KeyboardInterrupt):
            producer.publish(one)

        assert producer.publish(one).ok
        assert producer.publish(one).answer == "duplicate"
        assert producer.publish(mapping()).answer == "accepted"
