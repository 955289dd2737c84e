"""The spool keeps events in a local file during an outage of Redis, also if the publisher ends."""

import asyncio
import errno
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
import redis
from approvals import mapping
from faulty_proxy import FaultyProxy, NetworkFault, faulty_proxy
from processes import DEADLINE
from publishers import Publisher, publishing

from signoff_producer import (
    ApprovalEvent,
    AsyncProducer,
    Producer,
    QueueFull,
    QueueUnavailableError,
)
from signoff_producer.outages import Server
from signoff_producer.publication import CHUNK, Request
from signoff_producer.spool import Spool
from signoff_schemas import SettingsError

WAITING = "rq:queue:approvals"
ABSENT = "redis://127.0.0.1:1/0"
Make = Callable[..., Publisher]

PUBLISHER = """
import sys
from approvals import mapping
from signoff_producer import Producer

producer = Producer("redis://127.0.0.1:1/0", spool=sys.argv[1], publish_retries=0)
while True:
    for receipt in producer.publish_many([mapping() for _ in range(20)]):
        print(receipt.answer, receipt.event_id, flush=True)
"""

DIES_BEFORE_IT_CUTS = """
import os, signal, sys
from signoff_producer import Producer

os.ftruncate = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
Producer(sys.argv[1], spool=sys.argv[2]).flush_spool()
"""


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """The path of the spool."""
    return tmp_path / "spool.jsonl"


@pytest.fixture
def proxy(redis_url: str) -> Iterator[FaultyProxy]:
    """A proxy to an empty Valkey; it works until a test makes it fail."""
    with faulty_proxy(redis_url) as proxy:
        yield proxy


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest, proxy: FaultyProxy, spool: Path) -> Iterator[Make]:
    """Make a publisher of either kind, with the spool."""
    with ExitStack() as stack:

        def publisher(**options: Any) -> Publisher:
            given = {"spool": spool, "publish_retries": 0} | options
            return stack.enter_context(publishing(request.param, proxy.url, **given))

        yield publisher


def waiting(client: redis.Redis) -> list[UUID]:
    """The ids on the queue."""
    jobs = cast("list[bytes]", client.lrange(WAITING, 0, -1))
    return [UUID(job.decode()) for job in jobs]


def spooled(spool: Path, url: str, *events: Any, queue: str = "approvals") -> None:
    """Put the events into the spool, for a queue of the Redis of this URL."""
    requests = [Request.of(event) for event in events]
    Spool(spool, 10**8, queue, label(url)).keep(requests, QueueUnavailableError("away"))


def label(url: str) -> str:
    """The name in a spool of the Redis of a URL."""
    with redis.Redis.from_url(url) as client:
        return Server.of(client).label


def line(event: Any, url: str, queue: str = "approvals") -> bytes:
    """The line of an event in a spool."""
    canonical = ApprovalEvent.parse(event).canonical_json()
    return b'{"queue":"%b","redis":"%b","event":%b}\n' % (
        queue.encode(),
        label(url).encode(),
        canonical,
    )


def test_events_that_redis_cannot_take_are_spooled_and_published_later(
    make: Make, proxy: FaultyProxy, client: redis.Redis, spool: Path
) -> None:
    """The receipt says so; the next successful publish publishes them too."""
    publisher = make()
    events = [mapping() for _ in range(4)]
    proxy.faults.extend([NetworkFault.CUT] * 2)

    first = publisher.publish(events[0])
    more = publisher.publish_many([events[1], b"{}", events[2]])

    assert (first.answer, first.event_id, first.ok) == ("spooled", events[0]["event_id"], True)
    assert [receipt.answer for receipt in more] == ["spooled", "rejected", "spooled"]
    assert waiting(client) == []
    assert publisher.publish(events[3]).answer == "accepted"
    assert set(waiting(client)) == {event["event_id"] for event in events}
    assert spool.read_bytes() == b""


def test_the_file_holds_canonical_events_for_its_owner_only(
    make: Make, proxy: FaultyProxy, spool: Path
) -> None:
    """One JSON object in each line: the event, and the queue and the Redis that it is for."""
    event = mapping()
    proxy.faults.append(NetworkFault.CUT)

    make().publish(event)

    assert spool.read_bytes() == line(event, proxy.url)
    assert spool.stat().st_mode & 0o777 == 0o600


def test_an_open_circuit_spools_at_once(make: Make, proxy: FaultyProxy, spool: Path) -> None:
    """Redis is not tried."""
    publisher = make(breaker_failures=1)
    proxy.faults.append(NetworkFault.CUT)

    answers = [publisher.publish(mapping()).answer for _ in range(3)]

    assert (answers, proxy.publishes) == (["spooled"] * 3, 1)
    assert len(spool.read_bytes().splitlines()) == 3


def test_a_publish_also_publishes_a_batch_of_the_spool_and_flushing_the_rest(
    redis_url: str, client: redis.Redis, spool: Path
) -> None:
    """So no publish is delayed by a long file."""
    spooled(spool, redis_url, *[mapping() for _ in range(2 * CHUNK + 10)])

    with Producer(redis_url, spool=spool) as producer:
        producer.publish(mapping())
        assert client.llen(WAITING) == CHUNK + 1

        assert producer.flush_spool() == {"accepted": CHUNK + 10}

    assert client.llen(WAITING) == 2 * CHUNK + 11
    assert spool.read_bytes() == b""


async def _flushed(url: str, spool: Path) -> dict[str, int]:
    async with AsyncProducer(url, spool=spool) as producer:
        first, second = await asyncio.gather(producer.flush_spool(), producer.flush_spool())
    first.update(second)
    return {str(answer): number for answer, number in first.items()}


def test_flushing_twice_at_once_publishes_each_once(
    redis_url: str, client: redis.Redis, spool: Path
) -> None:
    """Two tasks of one loop use the file one after the other, without blocking the loop."""
    spooled(spool, redis_url, *[mapping() for _ in range(2 * CHUNK + 10)])

    assert asyncio.run(_flushed(redis_url, spool)) == {"accepted": 2 * CHUNK + 10}

    assert client.llen(WAITING) == 2 * CHUNK + 10
    assert spool.read_bytes() == b""


def test_events_that_redis_does_not_take_stay_in_the_spool(
    make: Make, proxy: FaultyProxy, spool: Path
) -> None:
    """A failed replay is no error of the publish that started it, and loses nothing."""
    publisher = make()
    publisher.publish(mapping())
    spooled(spool, proxy.url, mapping())
    held = spool.read_bytes()
    proxy.faults.extend([NetworkFault.NONE, NetworkFault.CUT])

    assert publisher.publish(mapping()).answer == "accepted"
    assert spool.read_bytes() == held

    assert publisher.publish(mapping()).answer == "accepted"
    assert spool.read_bytes() == b""


def test_a_full_queue_is_not_an_outage(make: Make, proxy: FaultyProxy, spool: Path) -> None:
    """QueueFull is raised, and spooled events stay in the file."""
    spooled(spool, proxy.url, mapping(), mapping())
    held = spool.read_bytes()
    publisher = make(max_queue_length=1)

    assert publisher.publish(mapping()).answer == "accepted"
    with pytest.raises(QueueFull):
        publisher.publish(mapping())

    assert spool.read_bytes() == held


def test_a_spool_is_bounded(make: Make, proxy: FaultyProxy, spool: Path) -> None:
    """When it is full, the outage is raised, and none of the events is kept."""
    publisher = make(spool_max_bytes=700)
    proxy.faults.extend([NetworkFault.CUT] * 2)
    publisher.publish(mapping())
    held = spool.read_bytes()

    with pytest.raises(QueueUnavailableError, match=r"Nor did the spool .* 700 bytes"):
        publisher.publish_many([mapping(), mapping()])

    assert spool.read_bytes() == held


def test_a_spool_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    """When the producer is created, not in the first outage."""
    with pytest.raises(SettingsError, match=r"SIGNOFF_SPOOL.*cannot be written: No such file"):
        Producer(ABSENT, spool=tmp_path / "missing" / "spool")


@pytest.mark.parametrize("cut", [1, 100, -2])
def test_a_line_that_a_crash_cut_off_is_put_aside(
    redis_url: str, client: redis.Redis, spool: Path, cut: int
) -> None:
    """Its publish never returned. The complete lines before and after it are published."""
    events = [mapping(), mapping()]
    spooled(spool, redis_url, events[0])
    torn = ApprovalEvent.parse(mapping()).canonical_json()[:cut]
    with spool.open("ab") as file:
        file.write(torn)

    spooled(spool, redis_url, events[1])
    with Producer(redis_url, spool=spool) as producer:
        producer.flush_spool()

    assert set(waiting(client)) == {event["event_id"] for event in events}
    assert spool.with_name("spool.jsonl.aside").read_bytes() == torn + b"\n"


def test_a_refused_line_is_put_aside(redis_url: str, client: redis.Redis, spool: Path) -> None:
    """An invalid line, or an id that is used by other content now, blocks no other line."""
    event = mapping()
    spooled(spool, redis_url, event, mapping())
    with spool.open("ab") as file:
        file.write(b"not an event\n")

    with Producer(redis_url) as other:
        other.publish(event | {"quality_score": 1})
    with Producer(redis_url, spool=spool) as producer:
        assert producer.flush_spool() == {"accepted": 1, "conflict": 1, "rejected": 1}

    aside = spool.with_name("spool.jsonl.aside").read_bytes()
    assert aside == line(event, redis_url) + b"not an event\n"
    assert (client.llen(WAITING), spool.read_bytes()) == (2, b"")


def test_a_line_longer_than_a_block_is_read(
    redis_url: str, client: redis.Redis, spool: Path
) -> None:
    """The lines before and after it are published."""
    spooled(spool, redis_url, mapping())
    with spool.open("ab") as file:
        file.write(b"x" * 3_000_000 + b"\n")
    spooled(spool, redis_url, mapping())

    with Producer(redis_url, spool=spool) as producer:
        assert producer.flush_spool() == {"accepted": 2, "rejected": 1}

    assert client.llen(WAITING) == 2


def test_killed_publishers_lose_no_spooled_event(
    redis_url: str, client: redis.Redis, spool: Path
) -> None:
    """Several processes share the file and are killed: each answered event is there once."""
    command = [sys.executable, "-c", PUBLISHER, str(spool)]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1] / "support")}
    printed: set[str] = set()
    for _ in range(2):
        running = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE) for _ in range(3)]
        for number, process in enumerate(running, 1):
            assert process.stdout
            printed.update(process.stdout.readline().decode() for _ in range(50 * number))
            process.send_signal(signal.SIGKILL)
            printed.update(line.decode() for line in process.stdout if line.endswith(b"\n"))
            process.stdout.close()
            process.wait()
    answered = {UUID(re.fullmatch(r"spooled (\S+)\n", line)[1]) for line in printed}  # type: ignore[index]

    with Producer(redis_url, spool=spool) as producer:
        producer.flush_spool()

    assert len(answered) >= 600
    assert answered <= set(waiting(client))
    assert len(set(waiting(client))) == client.llen(WAITING)


def test_a_killed_replay_is_repeated(redis_url: str, client: redis.Redis, spool: Path) -> None:
    """Redis has the events, and the file too: they are duplicates, and are on the queue once."""
    spooled(spool, redis_url, *[mapping() for _ in range(5)])
    command = [sys.executable, "-c", DIES_BEFORE_IT_CUTS, redis_url, str(spool)]
    killed = subprocess.run(command, check=False, timeout=DEADLINE)
    assert (killed.returncode, client.llen(WAITING)) == (-signal.SIGKILL, 5)

    with Producer(redis_url, spool=spool) as producer:
        assert producer.flush_spool() == {"duplicate": 5}

    assert (client.llen(WAITING), spool.read_bytes()) == (5, b"")


# Which queue, and which Redis


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_each_event_goes_to_the_queue_it_was_meant_for(
    proxy: FaultyProxy, client: redis.Redis, spool: Path, kind: str
) -> None:
    """Two producers share a file; the first one to publish publishes the events of both queues."""
    ours, theirs, next_one = mapping(), mapping(), mapping()
    options: Any = {"spool": spool, "publish_retries": 0}
    with (
        publishing(kind, proxy.url, **options) as here,
        publishing(kind, proxy.url, queue="night", **options) as there,
    ):
        proxy.faults.extend([NetworkFault.CUT] * 2)
        assert [here.publish(ours).answer, there.publish(theirs).answer] == ["spooled"] * 2

        assert here.publish(next_one).answer == "accepted"

    assert set(waiting(client)) == {ours["event_id"], next_one["event_id"]}
    assert client.lrange("rq:queue:night", 0, -1) == [str(theirs["event_id"]).encode()]
    assert client.hget(f"rq:job:{theirs['event_id']}", "origin") == b"night"
    assert spool.read_bytes() == b""


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_file_of_an_earlier_release_is_read(
    redis_url: str, client: redis.Redis, spool: Path, kind: str
) -> None:
    """Its lines are only events; they go to the queue of the producer that replays them."""
    events = [mapping(), mapping()]
    lines = [ApprovalEvent.parse(event).canonical_json() + b"\n" for event in events]
    spool.write_bytes(b"".join(lines))
    spool.chmod(0o600)

    with publishing(kind, redis_url, queue="night", spool=spool) as publisher:
        publisher.publish(mapping())

    assert client.llen("rq:queue:night") == 3
    assert spool.read_bytes() == b""


def test_events_for_another_redis_stay_until_they_are_flushed(
    redis_url: str, client: redis.Redis, spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No publish replays them; the caller has to call flush_spool."""
    spooled(spool, ABSENT, mapping())
    held = spool.read_bytes()

    with Producer(redis_url, spool=spool) as producer:
        for _ in range(2):
            producer.publish(mapping())
        assert spool.read_bytes() == held
        assert client.llen(WAITING) == 2
        assert caplog.text.count("holds events for Redis at 127.0.0.1:1/0") == 1

        assert producer.flush_spool() == {"accepted": 1}

    assert client.llen(WAITING) == 3


def test_a_file_is_for_one_redis(make: Make, proxy: FaultyProxy, spool: Path) -> None:
    """Events for another Redis are refused; the message says what to do."""
    spooled(spool, ABSENT, mapping())
    held = spool.read_bytes()
    publisher = make()
    proxy.faults.append(NetworkFault.CUT)

    with pytest.raises(QueueUnavailableError, match="give each Redis a spool of its own"):
        publisher.publish(mapping())

    assert spool.read_bytes() == held


# A queue that is full while the file is replayed


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_events_that_a_full_queue_took_are_removed_from_the_file(
    redis_url: str, client: redis.Redis, spool: Path, kind: str
) -> None:
    """No event is published twice; the others are published when there is room."""
    events = [mapping() for _ in range(7)]
    spooled(spool, redis_url, *events)

    with publishing(kind, redis_url, spool=spool, max_queue_length=3) as publisher:
        delivered: list[UUID] = []
        for expected in (4, 1):
            with pytest.raises(QueueFull):
                publisher.flush()
            assert len(spool.read_bytes().splitlines()) == expected
            delivered += waiting(client)
            client.delete(WAITING, *client.keys("rq:job:*"))
        assert publisher.flush() == {"accepted": 1}
        delivered += waiting(client)

    assert sorted(delivered) == sorted(event["event_id"] for event in events)
    assert spool.read_bytes() == b""


def test_a_full_queue_keeps_only_its_own_events(
    redis_url: str, client: redis.Redis, spool: Path
) -> None:
    """Events of another queue in the same file are published."""
    full, free = [mapping() for _ in range(3)], [mapping() for _ in range(3)]
    for one, other in zip(full, free, strict=True):
        spooled(spool, redis_url, one)
        spooled(spool, redis_url, other, queue="night")
    client.rpush(WAITING, "taken")

    with Producer(redis_url, spool=spool, max_queue_length=3, queue="night") as producer:
        client.rpush(WAITING, "taken", "taken")
        with pytest.raises(QueueFull):
            producer.flush_spool()

    assert client.llen("rq:queue:night") == 3
    assert spool.read_bytes() == b"".join(line(event, redis_url) for event in full)


DIES_BEFORE_IT_CUTS_A_PART = """
import os, signal, sys
from signoff_producer import Producer

os.ftruncate = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
Producer(sys.argv[1], spool=sys.argv[2], max_queue_length=2).flush_spool()
"""


def test_a_replay_that_is_killed_while_it_truncates_loses_nothing(
    redis_url: str, client: redis.Redis, spool: Path
) -> None:
    """The lines to keep are appended before any line is removed."""
    events = [mapping() for _ in range(5)]
    spooled(spool, redis_url, *events)
    command = [sys.executable, "-c", DIES_BEFORE_IT_CUTS_A_PART, redis_url, str(spool)]
    killed = subprocess.run(command, check=False, timeout=DEADLINE)
    assert (killed.returncode, client.llen(WAITING)) == (-signal.SIGKILL, 2)

    with Producer(redis_url, spool=spool) as producer:
        producer.flush_spool()

    assert sorted(waiting(client)) == sorted(event["event_id"] for event in events)
    assert not spool.with_name("spool.jsonl.aside").exists()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_flushing_to_a_redis_that_is_back_closes_the_circuit(
    redis_url: str, client: redis.Redis, spool: Path, kind: str
) -> None:
    """All batches are published, and the next publish succeeds at once."""
    options: Any = {"spool": spool, "breaker_failures": 1, "breaker_cooldown": 3600}
    with publishing(kind, redis_url, **options) as publisher:
        publisher.producer._core.breaker.failed(QueueUnavailableError("away"))
        assert publisher.publish(mapping()).answer == "spooled"
        spooled(spool, redis_url, *[mapping() for _ in range(2 * CHUNK)])

        assert publisher.flush() == {"accepted": 2 * CHUNK + 1}
        assert publisher.publish(mapping()).answer == "accepted"

    assert client.llen(WAITING) == 2 * CHUNK + 2


def test_a_spool_that_is_a_link_is_refused(tmp_path: Path, spool: Path) -> None:
    """Another user could choose which file is written."""
    spool.symlink_to(tmp_path / "victim")

    with pytest.raises(SettingsError, match="links are not followed"):
        Producer(ABSENT, spool=spool)


def test_a_failed_write_leaves_no_partial_line(
    make: Make, proxy: FaultyProxy, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is truncated: the publish raises, and earlier lines are complete."""
    publisher = make()
    proxy.faults.extend([NetworkFault.CUT] * 2)
    publisher.publish(mapping())
    held = spool.read_bytes()
    writing = os.pwrite

    def full(file: int, data: Any, at: int) -> int:
        writing(file, data[:100], at)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(QueueUnavailableError, match=r"Nor did the spool .* No space left"):
        publisher.publish(mapping())

    assert spool.read_bytes() == held
