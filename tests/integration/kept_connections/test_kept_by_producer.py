"""The connections that a `Producer` keeps between its calls: in threads, forked, interrupted."""

import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
import redis
from approvals import approval, mapping
from processes import DEADLINE

from signoff_producer import Producer, calls

WAITING = "rq:queue:approvals"
THREADS = 8


def only_kept(producer: Producer) -> Any:
    """The one connection that the producer keeps."""
    assert producer._connections
    (kept,) = producer._connections._kept
    return kept


@pytest.mark.usefixtures("client")
def test_a_connection_of_the_callers_own_pool_is_returned(redis_url: str) -> None:
    """After each call, since the pool may have no other connection."""
    with redis.Redis.from_url(redis_url, max_connections=1) as callers:
        producer = Producer(connection=callers)

        assert producer.publish(mapping()).answer == "accepted"
        assert callers.llen(WAITING) == 1


def test_threads_have_a_connection_each(
    redis_url: str, client: redis.Redis, connected: Callable[[], set[int]]
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
        made = connected()

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


@contextmanager
def interrupted_on(name: str, moment: str = "call") -> Iterator[None]:
    """Raise Ctrl-C when the function of this name begins, one of the places where it may happen.

    With the moment `return`, when such a function of a call ends.
    """

    def interrupt(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        is_here = moment == "call" or code.co_filename == calls.__file__
        if event == moment and code.co_name == name and is_here:
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
        *("run", "remaining", "answer", "_read", "read_response", "checked"),
    ],
)
def test_an_interrupted_publish_keeps_no_connection(redis_url: str, where: str) -> None:
    """A pool of one connection has it back, and the event can be published again."""
    one = mapping()
    with Producer(f"{redis_url}?max_connections=1", publish_retries=0) as producer:
        producer.publish(mapping())

        with interrupted_on(where), pytest.raises(KeyboardInterrupt):
            producer.publish(one)

        assert producer.publish(one).ok
        assert producer.publish(one).answer == "duplicate"
        assert producer.publish(mapping()).answer == "accepted"


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("where", ["__init__", "send", "_write", "_read", "answer"])
def test_a_publish_interrupted_between_its_steps_keeps_no_connection(
    redis_url: str, where: str
) -> None:
    """Likewise where a step has ended, and the next one has not begun."""
    one = mapping()
    with Producer(f"{redis_url}?max_connections=1", publish_retries=0) as producer:
        producer.publish(mapping())

        with interrupted_on(where, "return"), pytest.raises(KeyboardInterrupt):
            producer.publish(one)

        assert producer.publish(one).ok
        assert producer.publish(one).answer == "duplicate"
