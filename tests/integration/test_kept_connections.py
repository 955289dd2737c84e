"""The connections that a producer keeps between its calls: a real server, threads, forks, cuts."""

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
    """What connections of any client write to their sockets, a piece for each write."""
    written: list[bytes] = []
    sending = redis.Connection.send_packed_command

    def note(self: Any, command: Any, *args: Any, **options: Any) -> Any:
        pieces = [command] if isinstance(command, bytes) else list(command)
        written.extend(pieces)
        return sending(self, pieces, *args, **options)  # type: ignore[no-untyped-call]  # same

    monkeypatch.setattr(redis.Connection, "send_packed_command", note)
    return written


def connected(client: redis.Redis) -> set[int]:
    """The ids of the connections that the server has, without those of the test's own client."""
    own = client.client_id()
    return {int(one["id"]) for one in client.client_list()} - {own}


@pytest.fixture
def before(client: redis.Redis) -> set[int]:
    """The connections that were there when the test began."""
    return connected(client)


def only_kept(producer: Producer) -> Any:
    """The one connection that the producer keeps."""
    assert producer._connections
    (kept,) = producer._connections._kept
    return kept


def test_one_publish_is_one_write_on_one_connection(
    redis_url: str, client: redis.Redis, before: set[int], writes: list[bytes]
) -> None:
    """Whatever its answer; the call that loads the script needs no second connection either."""
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


def test_closing_closes_what_was_kept(
    redis_url: str, client: redis.Redis, before: set[int]
) -> None:
    """Nothing is left behind; and publishing once more connects once more."""
    producer = Producer(redis_url)
    producer.publish(mapping())
    producer.close()

    assert connected(client) == before
    with producer:
        assert producer.publish(mapping()).answer == "accepted"
    assert connected(client) == before


@pytest.mark.usefixtures("client")
def test_a_callers_own_pool_has_its_connection_back(redis_url: str) -> None:
    """A client that is passed lends a connection for a call: it may have no other."""
    with redis.Redis.from_url(redis_url, max_connections=1) as callers:
        producer = Producer(connection=callers)

        assert producer.publish(mapping()).answer == "accepted"
        assert callers.llen(WAITING) == 1


def test_threads_have_a_connection_each(
    redis_url: str, client: redis.Redis, before: set[int]
) -> None:
    """Of eight at once each learns what became of its own events, not of another's."""
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
    """And leaves its parent's as it was."""
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


def test_a_connection_lost_between_calls_is_not_noticed(
    redis_url: str, client: redis.Redis, before: set[int]
) -> None:
    """Redis closed it, as after its `timeout` or a restart: the next call connects anew."""
    with Producer(redis_url, publish_retries=0) as producer:
        producer.publish(mapping())
        (kept,) = connected(client) - before
        client.client_kill_filter(_id=str(kept))

        assert producer.publish(mapping()).answer == "accepted"
        assert kept not in connected(client)


@pytest.mark.usefixtures("client")
def test_a_connection_on_which_something_arrived_is_not_used(redis_url: str) -> None:
    """An answer that nobody read is not taken for that of the next event."""
    with Producer(redis_url, publish_retries=0) as producer:
        producer.publish(mapping())
        kept = only_kept(producer)
        kept.send_command("ECHO", "stale")
        answers: list[Any] = [kept._sock]
        assert select.select(answers, [], [], DEADLINE)[0], "the answer does not arrive"

        assert producer.publish(mapping()).answer == "accepted"


def test_a_connection_that_is_to_move_is_made_anew(
    redis_url: str, client: redis.Redis, before: set[int]
) -> None:
    """A server in maintenance asks for that."""
    with Producer(redis_url) as producer:
        producer.publish(mapping())
        old = connected(client) - before
        only_kept(producer).mark_for_reconnect()

        assert producer.publish(mapping()).answer == "accepted"
        assert not old & connected(client)


@contextmanager
def interrupted_on_entering(name: str) -> Iterator[None]:
    """Ctrl-C comes as the function of this name begins, which is where Python lets it come."""

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
    """Wherever Ctrl-C comes: a pool of one has it back, and the event can be published again."""
    one = mapping()
    with Producer(f"{redis_url}?max_connections=1", publish_retries=0) as producer:
        producer.publish(mapping())

        with interrupted_on_entering(where), pytest.raises(KeyboardInterrupt):
            producer.publish(one)

        assert producer.publish(one).ok
        assert producer.publish(one).answer == "duplicate"
        assert producer.publish(mapping()).answer == "accepted"
