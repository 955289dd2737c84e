"""Publishing: each event gets a receipt, and stock RQ can read the jobs in Redis."""

import asyncio
import gc
import json
import pickle
import re
import subprocess
import sys
import warnings
import zlib
from collections import ChainMap, UserDict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol
from uuid import UUID, uuid5

import fakeredis
import pytest
import redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from signoff import (
    Answer,
    ApprovalEvent,
    AsyncProducer,
    EventConflict,
    EventLoopError,
    InvalidEvent,
    Producer,
    QueueFull,
    QueueUnavailableError,
    Receipt,
)
from signoff_producer import chunks
from signoff_producer.publication import CHUNK
from signoff_schemas import FUNCTION, SettingsError, content_hash, encode_job

Mapping = dict[str, Any]
NAMESPACE = UUID("0b0d2f1c-7a9e-4111-8a41-6f1c5f0e4d6b")
WAITING = "rq:queue:approvals"


def event(number: int = 0, **fields: Any) -> Mapping:
    """Make a valid event; the same number gives the same `event_id`."""
    return {
        "event_id": str(uuid5(NAMESPACE, f"event {number}")),
        "occurred_at": "2026-01-31T10:00:00Z",
        "interaction_id": str(uuid5(NAMESPACE, f"interaction {number}")),
        "final_bubbles": ["Hello!"],
        "quality_score": 4,
        "ltv_amount": 250,
    } | fields


def event_id(number: int) -> UUID:
    """Return the id of the event of this number."""
    return UUID(event(number)["event_id"])


def job_key(number: int) -> str:
    """Return the key of the job of the event of this number."""
    return f"rq:job:{event_id(number)}"


class Publisher(Protocol):
    """The common methods of `Producer` and a wrapped `AsyncProducer`."""

    def publish(self, event: Any) -> Receipt:
        """Publish one event."""

    def publish_many(self, events: Iterable[Any]) -> Iterator[Receipt]:
        """Publish many events."""


class Awaited:
    """Runs `AsyncProducer` in its own loop, so that the tests of `Producer` can use it."""

    def __init__(self, server: fakeredis.FakeServer, **options: Any) -> None:
        self._loop = asyncio.Runner()
        self._connection = fakeredis.FakeAsyncRedis(server=server)
        self._producer = AsyncProducer(connection=self._connection, **options)

    def publish(self, event: Any) -> Receipt:
        """Publish one event."""
        return self._loop.run(self._producer.publish(event))

    def publish_many(self, events: Iterable[Any]) -> Iterator[Receipt]:
        """Publish many events, awaiting each receipt."""
        receipts = self._producer.publish_many(events)

        async def following() -> Receipt | None:
            return await anext(receipts, None)

        while (receipt := self._loop.run(following())) is not None:
            yield receipt

    def close(self) -> None:
        """Close the connection, then the loop."""
        self._loop.run(self._connection.aclose())
        self._loop.close()


Make = Callable[..., Publisher]


@pytest.fixture
def server() -> fakeredis.FakeServer:
    """An empty Redis for this test."""
    return fakeredis.FakeServer()


@pytest.fixture
def connection(server: fakeredis.FakeServer) -> fakeredis.FakeRedis:
    """A client of it, to read and change its data."""
    return fakeredis.FakeRedis(server=server)


@pytest.fixture(params=["sync", "async"])
def make(
    request: pytest.FixtureRequest, server: fakeredis.FakeServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Make]:
    """Make a publisher of either kind."""
    monkeypatch.delenv("SIGNOFF_QUEUE", raising=False)
    opened: list[Awaited] = []

    def publisher(**options: Any) -> Publisher:
        if request.param == "sync":
            return Producer(connection=fakeredis.FakeRedis(server=server), **options)
        opened.append(Awaited(server, **options))
        return opened[-1]

    yield publisher
    for awaited in opened:
        awaited.close()


@pytest.fixture
def producer(make: Make) -> Publisher:
    """A publisher of either kind, without limits."""
    return make()


def until_full(receipts: Iterator[Receipt]) -> list[Receipt]:
    """Return the receipts before the one that raised QueueFull."""
    held: list[Receipt] = []
    with pytest.raises(QueueFull):
        held.extend(receipts)
    return held


def answers(receipts: Iterable[Receipt]) -> list[str]:
    """Return the receipts' answers."""
    return [receipt.answer.value for receipt in receipts]


# Answers


class OwnApproval(ApprovalEvent):
    """An upstream's own subclass."""


@pytest.mark.parametrize(
    "source_of",
    [
        lambda: event(1),
        lambda: json.dumps(event(1)),
        lambda: json.dumps(event(1)).encode(),
        lambda: ApprovalEvent.parse(event(1)),
        lambda: OwnApproval.parse(event(1)),
        lambda: MappingProxyType(event(1)),
        lambda: ChainMap({"ltv_amount": Decimal("2.50E+2")}, event(1)),
        lambda: UserDict(event(1, event_id=event_id(1), cta_data=MappingProxyType({"a": 1}))),
    ],
    ids=["dict", "text", "bytes", "event", "subclass", "read-only", "chained", "of a user"],
)
def test_a_new_event_is_accepted(
    producer: Publisher, connection: fakeredis.FakeRedis, source_of: Callable[[], Any]
) -> None:
    """It is put at the end of the queue, and its receipt says so."""
    producer.publish(event(0))

    receipt = producer.publish(source_of())

    assert receipt == Receipt(Answer.ACCEPTED, event_id(1))
    assert receipt.ok
    assert connection.lrange(WAITING, 0, -1) == [str(event_id(n)).encode() for n in (0, 1)]


def test_the_same_event_is_a_duplicate(
    producer: Publisher, connection: fakeredis.FakeRedis
) -> None:
    """Also in another JSON form; it is on the queue once."""
    producer.publish(event(0))

    receipt = producer.publish(event(0, ltv_amount="250.00", user_id=None, edit_tags=[]))

    assert receipt == Receipt(Answer.DUPLICATE, event_id(0))
    assert receipt.ok
    assert connection.llen(WAITING) == 1


def test_another_content_is_a_conflict(
    producer: Publisher, connection: fakeredis.FakeRedis
) -> None:
    """The waiting event is not changed."""
    producer.publish(event(0))
    before = connection.hgetall(job_key(0))

    receipt = producer.publish(event(0, ltv_amount=251))

    assert receipt == Receipt(
        Answer.CONFLICT, event_id(0), conflict="other content has this event_id"
    )
    assert not receipt.ok
    assert connection.hgetall(job_key(0)) == before
    assert connection.llen(WAITING) == 1


@pytest.mark.parametrize("source", [event(0, quality_score=9), b"{", "", b"\xff", [], None, 5])
def test_an_invalid_event_is_rejected(
    producer: Publisher, connection: fakeredis.FakeRedis, source: Any
) -> None:
    """Nothing is sent, and the receipt says what is wrong."""
    receipt = producer.publish(source)

    named = event_id(0) if isinstance(source, dict) else None
    assert (receipt.answer, receipt.event_id) == (Answer.REJECTED, named)
    assert isinstance(receipt.error, InvalidEvent)
    assert not receipt.ok
    assert connection.keys() == []


def test_answers_come_in_order(producer: Publisher, connection: fakeredis.FakeRedis) -> None:
    """In a mixed batch each event has its own answer; also a repeated event in the batch."""
    producer.publish(event(0))

    receipts = list(
        producer.publish_many(
            [
                event(1),
                event(0),
                b"{}",
                event(0, quality_score=1),
                event(1, ltv_amount=250.0),
                event(1, quality_score=1),
                event(2),
            ]
        )
    )

    assert answers(receipts) == [
        "accepted",
        "duplicate",
        "rejected",
        "conflict",
        "duplicate",
        "conflict",
        "accepted",
    ]
    assert [receipt.event_id for receipt in receipts] == [
        event_id(number) if number is not None else None for number in (1, 0, None, 0, 1, 1, 2)
    ]
    assert connection.lrange(WAITING, 0, -1) == [str(event_id(n)).encode() for n in (0, 1, 2)]


def test_many_events_need_no_list(producer: Publisher, connection: fakeredis.FakeRedis) -> None:
    """All events of a long generator are published, in order."""
    count = 2 * CHUNK + 1

    receipts = producer.publish_many(event(number) for number in range(count))

    assert answers(receipts) == ["accepted"] * count
    assert connection.lindex(WAITING, -1) == str(event_id(count - 1)).encode()
    assert connection.llen(WAITING) == count


def test_publishing_nothing_is_no_error(
    producer: Publisher, connection: fakeredis.FakeRedis
) -> None:
    """An empty iterable has no receipts."""
    assert list(producer.publish_many([])) == []
    assert connection.keys() == []


def test_each_producer_has_its_queue(make: Make, connection: fakeredis.FakeRedis) -> None:
    """Events go to the producer's queue only."""
    make(queue="orders").publish(event(0))

    assert connection.llen("rq:queue:orders") == 1
    assert connection.hget(job_key(0), "origin") == b"orders"
    assert not connection.exists(WAITING)


# What other publishers left behind


@pytest.mark.parametrize("compress", [bytes, zlib.compress], ids=["plain", "zlib"])
@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({}, "duplicate"),
        ({"ltv_amount": "250.00"}, "duplicate"),
        ({"occurred_at": "2026-01-31T12:00:00.000+02:00"}, "duplicate"),
        ({"user_id": None, "schema_version": 1, "edit_tags": []}, "duplicate"),
        ({"ltv_amount": 250.01}, "conflict"),
        ({"quality_score": 9}, "conflict"),
    ],
)
def test_another_publishers_json_is_compared_by_content(
    producer: Publisher,
    connection: fakeredis.FakeRedis,
    compress: Callable[[bytes], bytes],
    *,
    fields: Mapping,
    answer: str,
) -> None:
    """Its bytes may differ."""
    data = json.dumps([FUNCTION, None, [event(0, **fields)], {}], indent=1).encode()
    connection.hset(job_key(0), mapping={"data": compress(data)})

    assert producer.publish(event(0)).answer == answer


def test_a_job_of_rqs_own_enqueue_is_compared_by_content(
    producer: Publisher, connection: fakeredis.FakeRedis
) -> None:
    """It may hold the same event, or another one."""
    queue = Queue("approvals", connection=connection, serializer=JSONSerializer)
    queue.enqueue(FUNCTION, event(0, ltv_amount="250.0"), job_id=str(event_id(0)))

    receipts = producer.publish_many([event(0), event(0, ltv_amount=1)])

    assert answers(receipts) == ["duplicate", "conflict"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04N.",
        b"x^",
        b"\xff" * 100,
        pickle.dumps((FUNCTION, None, (event(0),), {})),
        zlib.compress(b" " * 2_000_000),
        encode_job(b"[]"),
        encode_job(json.dumps(event(0)).encode()).replace(b"signoff_worker", b"other"),
    ],
    ids=["empty", "pickle", "zlib head", "garbage", "rq pickle", "bomb", "list", "function"],
)
def test_an_invalid_job_under_the_same_id_is_a_conflict(
    producer: Publisher, connection: fakeredis.FakeRedis, data: bytes
) -> None:
    """It is not this event, and is not overwritten."""
    connection.hset(job_key(0), mapping={"data": data})

    assert producer.publish(event(0)).answer is Answer.CONFLICT
    assert connection.hget(job_key(0), "data") == data


@pytest.mark.parametrize(
    "meddle",
    [
        lambda redis: redis.set(job_key(1), "text"),
        lambda redis: redis.rpush(job_key(1), "list"),
        lambda redis: redis.hset(job_key(1), "status", "queued"),
    ],
    ids=["string", "list", "no data"],
)
def test_a_key_that_is_not_a_job_does_not_break_its_neighbours(
    producer: Publisher, connection: fakeredis.FakeRedis, meddle: Callable[[Any], Any]
) -> None:
    """A key of the wrong type, or a hash without data, is a conflict of that event only."""
    meddle(connection)

    receipts = producer.publish_many([event(0), event(1), event(2)])

    assert answers(receipts) == ["accepted", "conflict", "accepted"]
    assert connection.llen(WAITING) == 2


@pytest.mark.parametrize("limit", [None, 10])
def test_a_queue_key_of_the_wrong_type_changes_nothing(
    make: Make, connection: fakeredis.FakeRedis, limit: int | None
) -> None:
    """No unlisted job is written: after the key is fixed, the event is accepted."""
    producer = make(max_queue_length=limit)
    connection.set(WAITING, "not a list")

    with pytest.raises(QueueUnavailableError, match=f"{WAITING} should hold a list: .* DEL"):
        producer.publish(event(0))

    assert not connection.exists(job_key(0))
    connection.delete(WAITING)
    assert producer.publish(event(0)).answer is Answer.ACCEPTED


def test_rqs_list_of_queues_of_another_type_refuses_no_event(
    producer: Publisher, connection: fakeredis.FakeRedis
) -> None:
    """It is information for RQ's tools; the event is on the queue."""
    connection.set("rq:queues", "text")

    assert producer.publish(event(0)).answer is Answer.ACCEPTED
    assert producer.publish(event(0)).answer is Answer.DUPLICATE
    assert connection.llen(WAITING) == 1


# Jobs that are on no list

FOREIGN: dict[Any, Any] = {"data": encode_job(json.dumps(event(0)).encode()), "origin": "approvals"}
STARTED = "rq:wip:approvals"
LEASES = "rq:signoff:leases:approvals"


@pytest.mark.parametrize("written", ["foreign", "canonical"])
def test_an_unlisted_job_is_listed(
    producer: Publisher, connection: fakeredis.FakeRedis, written: str
) -> None:
    """Its publisher died between HSET and RPUSH; publishing the event again lists it."""
    canonical = encode_job(ApprovalEvent.parse(event(0)).canonical_json())
    data = canonical if written == "canonical" else FOREIGN["data"]
    connection.hset(job_key(0), mapping=FOREIGN | {"data": data})

    receipts = [producer.publish(event(0)) for _ in range(2)]

    assert answers(receipts) == ["duplicate", "duplicate"]
    assert connection.lrange(WAITING, 0, -1) == [str(event_id(0)).encode()]
    assert connection.hget(job_key(0), "data") == data


@pytest.mark.parametrize(
    "listed",
    [
        lambda client: client.rpush(WAITING, str(event_id(0))),
        lambda client: client.zadd("rq:scheduled:approvals", {str(event_id(0)): 9e9}),
        lambda client: (
            client.zadd(LEASES, {"signoff-1": 9e9, "signoff-2": 9e9}),
            client.zadd(STARTED, {f"{event_id(0)}:signoff-2": "inf"}),
        ),
        lambda client: client.hset(job_key(0), "status", "started"),
        lambda client: client.hset(job_key(0), "status", "failed"),
        lambda client: client.hset(job_key(0), "status", "deferred"),
        lambda client: client.hset(job_key(0), "enqueued_at", "2026-01-31T10:00:00Z"),
    ],
    ids=["waiting", "put off", "in flight", "with RQ", "failed", "deferred", "written at once"],
)
def test_a_listed_job_is_not_listed_again(
    producer: Publisher, connection: fakeredis.FakeRedis, listed: Callable[[Any], Any]
) -> None:
    """Waiting, in flight or scheduled, for example."""
    connection.hset(job_key(0), mapping=FOREIGN)
    listed(connection)
    before = connection.llen(WAITING)

    assert producer.publish(event(0)).answer is Answer.DUPLICATE
    assert connection.llen(WAITING) == before


def test_a_job_is_searched_for_once(producer: Publisher, connection: fakeredis.FakeRedis) -> None:
    """A listed job has `enqueued_at` from then on, so that duplicates stay cheap."""
    connection.hset(job_key(0), mapping=FOREIGN)
    producer.publish(event(0))
    assert connection.hget(job_key(0), "enqueued_at")
    connection.delete(WAITING)

    producer.publish(event(0))

    assert connection.llen(WAITING) == 0


def test_an_unlisted_job_needs_room_too(make: Make, connection: fakeredis.FakeRedis) -> None:
    """If the queue is full, the job is not changed."""
    producer = make(max_queue_length=1)
    producer.publish(event(1))
    connection.hset(job_key(0), mapping=FOREIGN)

    with pytest.raises(QueueFull):
        producer.publish(event(0))

    assert connection.llen(WAITING) == 1
    connection.delete(WAITING)
    assert producer.publish(event(0)).answer is Answer.DUPLICATE
    assert connection.llen(WAITING) == 1


@pytest.mark.parametrize("key", ["rq:scheduled:approvals", STARTED, LEASES])
def test_a_registry_of_the_wrong_type_breaks_no_publish(
    producer: Publisher, connection: fakeredis.FakeRedis, key: str
) -> None:
    """Workers and `doctor` name such keys."""
    connection.set(key, "text")
    connection.hset(job_key(0), mapping=FOREIGN)

    assert answers(producer.publish_many([event(0), event(1)])) == ["duplicate", "accepted"]


@pytest.mark.parametrize("field", ["data", "origin"])
def test_a_job_that_is_too_large_is_not_read(
    producer: Publisher, connection: fakeredis.FakeRedis, field: str
) -> None:
    """It is a conflict, and its data is not sent to the publisher."""
    connection.hset(job_key(0), mapping=FOREIGN | {field: b"x" * 1_000_000})

    receipt = producer.publish(event(0))

    assert receipt.answer is Answer.CONFLICT
    assert len(str(receipt.reason)) < 100
    assert connection.llen(WAITING) == 0


# A full queue


def test_a_queue_is_full_at_its_limit(make: Make, connection: fakeredis.FakeRedis) -> None:
    """The last place is used; the next event is refused until a worker takes a job."""
    producer = make(max_queue_length=2)
    assert answers([producer.publish(event(0)), producer.publish(event(1))]) == ["accepted"] * 2

    with pytest.raises(
        QueueFull, match="'approvals' is as long as max_queue_length=2 allows"
    ) as caught:
        producer.publish(event(2))

    assert (caught.value.queue, caught.value.limit) == ("approvals", 2)
    assert caught.value.retry_after == 5
    assert not connection.exists(job_key(2))
    connection.lpop(WAITING)
    assert producer.publish(event(2)).answer is Answer.ACCEPTED


def test_retry_after_of_a_full_queue_can_be_set(make: Make) -> None:
    """An HTTP service can return it as Retry-After."""
    producer = make(max_queue_length=1, full_retry_after=0.5)
    producer.publish(event(0))

    with pytest.raises(QueueFull, match=r"publish again in 0\.5 s") as caught:
        producer.publish(event(1))

    assert caught.value.retry_after == 0.5


def test_a_full_queue_still_finds_duplicates(make: Make) -> None:
    """Duplicates, conflicts and rejected events need no room."""
    producer = make(max_queue_length=1)
    producer.publish(event(0))

    receipts = producer.publish_many([event(0), event(0, quality_score=1), b""])

    assert answers(receipts) == ["duplicate", "conflict", "rejected"]


def test_a_batch_ends_where_the_queue_is_full(make: Make, connection: fakeredis.FakeRedis) -> None:
    """The events before it have their receipts, and no event after it is published."""
    producer = make(max_queue_length=3)
    producer.publish(event(0))

    receipts = until_full(producer.publish_many([event(n) for n in (1, 0, 2, 3, 4)]))

    assert answers(receipts) == ["accepted", "duplicate", "accepted"]
    assert connection.lrange(WAITING, 0, -1) == [str(event_id(n)).encode() for n in (0, 1, 2)]
    assert not connection.exists(job_key(4))


def test_a_limit_holds_across_round_trips(make: Make, connection: fakeredis.FakeRedis) -> None:
    """A limit beyond one round trip is reached exactly."""
    producer = make(max_queue_length=CHUNK + 1)

    receipts = until_full(producer.publish_many(event(n) for n in range(CHUNK * 2)))

    assert len(receipts) == connection.llen(WAITING) == CHUNK + 1


def test_queue_full_can_be_pickled() -> None:
    """As process pools do."""
    copy = pickle.loads(pickle.dumps(QueueFull("q", 3, 7)))  # noqa: S301 -- our own bytes

    assert (copy.queue, copy.limit, copy.retry_after) == ("q", 3, 7)


# Bounds


def test_events_are_read_as_they_are_sent(producer: Publisher) -> None:
    """Of 5,000 events only two round trips are in memory at a time."""
    taken = 0

    def source() -> Iterator[Mapping]:
        nonlocal taken
        for number in range(5000):
            taken += 1
            yield event(number)

    ahead = [taken - seen for seen, _ in enumerate(producer.publish_many(source()), 1)]

    assert len(ahead) == taken == 5000
    assert max(ahead) < 2 * CHUNK


def test_nothing_is_read_before_the_iteration(producer: Publisher) -> None:
    """publish_many() by itself neither reads nor sends."""
    source = iter([event(0)])

    receipts = producer.publish_many(source)

    assert next(source) == event(0)
    assert list(receipts) == []


@pytest.fixture
def whole_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that reads the source slowly does not send less at once."""
    monkeypatch.setattr(chunks, "FLUSH_AFTER", 3600)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the commands that go over any connection, in order."""
    sent: list[str] = []
    for client in (fakeredis.FakeRedis(), fakeredis.FakeAsyncRedis()):
        connection = client.connection_pool.connection_class
        sending = connection.send_packed_command

        def note(self: Any, command: Any, _sending: Any = sending, **options: Any) -> Any:
            pieces = [command] if isinstance(command, bytes) else list(command)
            sent.extend(re.findall(r"\*\d+\r\n\$\d+\r\n(\w+)\r\n", b"".join(pieces).decode()))
            return _sending(self, pieces, **options)

        monkeypatch.setattr(connection, "send_packed_command", note)
    return sent


@pytest.mark.usefixtures("whole_chunks")
def test_a_publish_is_one_round_trip(producer: Publisher, commands: list[str]) -> None:
    """When Redis has cached the script, an event or a batch is one command."""
    producer.publish(event(0))
    commands.clear()

    producer.publish(event(1))
    producer.publish(event(1))
    list(producer.publish_many(event(number) for number in range(CHUNK)))

    assert commands == ["EVALSHA"] * 3


@pytest.mark.usefixtures("whole_chunks")
def test_receipts_come_before_the_sources_own_error(
    make: Make, connection: fakeredis.FakeRedis
) -> None:
    """If reading the next events fails, those that were sent get their receipts first."""
    publisher = make()

    def source() -> Iterator[Mapping]:
        yield from (event(number) for number in range(CHUNK))
        raise OSError("the disk went away")

    answers = []

    def publish() -> None:
        for receipt in publisher.publish_many(source()):
            answers.append(receipt.answer)  # noqa: PERF401 -- wanted in spite of the error

    with pytest.raises(OSError, match="the disk went away"):
        publish()

    assert answers == ["accepted"] * connection.llen(WAITING) == ["accepted"] * CHUNK


@pytest.mark.usefixtures("whole_chunks")
@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_outage_does_not_hide_an_interruption_while_the_next_events_were_read(
    interruption: type[BaseException],
) -> None:
    """It is not taken for an error of Redis, which callers may answer by publishing again."""

    def source() -> Iterator[Mapping]:
        yield from (event(number) for number in range(CHUNK))
        raise interruption

    with (
        Producer("redis://127.0.0.1:1", publish_retries=0) as publisher,
        pytest.raises(interruption),
    ):
        list(publisher.publish_many(source()))


@pytest.mark.usefixtures("whole_chunks")
def test_an_outage_does_not_hide_that_the_source_failed_too() -> None:
    """Both happened, and the events before are to be published again."""

    def source() -> Iterator[Mapping]:
        yield from (event(number) for number in range(CHUNK))
        raise OSError("the disk went away")

    with (
        Producer("redis://127.0.0.1:1", publish_retries=0) as publisher,
        pytest.raises(QueueUnavailableError) as found,
    ):
        list(publisher.publish_many(source()))

    assert found.value.__notes__ == ["Its source failed, too: OSError('the disk went away')"]


def test_rejected_events_need_no_round_trip(producer: Publisher, commands: list[str]) -> None:
    """If there is nothing to send, Redis is not used."""
    producer.publish(b"{}")
    list(producer.publish_many([b"{}"] * 3))

    assert commands == []


def test_a_redis_without_the_script_gets_it_again(
    producer: Publisher, connection: fakeredis.FakeRedis
) -> None:
    """So a restart of Redis causes no error."""
    producer.publish(event(0))
    connection.script_flush()

    assert producer.publish(event(1)).answer is Answer.ACCEPTED


# What is in Redis


def test_a_job_holds_only_the_needed_fields(
    producer: Publisher, connection: fakeredis.FakeRedis
) -> None:
    """Four fields, and the data is the canonical event in plain JSON."""
    producer.publish(event(0, user_id=None))
    held = connection.hgetall(job_key(0))
    canonical = ApprovalEvent.parse(event(0)).canonical_json()

    assert set(held) == {b"data", b"origin", b"status", b"enqueued_at"}
    assert held[b"data"] == encode_job(canonical)
    assert (held[b"origin"], held[b"status"]) == (b"approvals", b"queued")
    assert connection.ttl(job_key(0)) == -1
    assert connection.smembers("rq:queues") == {WAITING.encode()}
    assert sorted(connection.keys()) == sorted(
        [job_key(0).encode(), WAITING.encode(), b"rq:queues"]
    )


def test_stock_rq_reads_the_job(producer: Publisher, connection: fakeredis.FakeRedis) -> None:
    """RQ's own classes find the queue, the function, the event and the time of enqueueing."""
    producer.publish(event(0))

    job = Job.fetch(str(event_id(0)), connection=connection, serializer=JSONSerializer)
    (queue,) = Queue.all(connection=connection)

    assert (job.func_name, job.kwargs, job.origin) == (FUNCTION, {}, "approvals")
    assert job.args == [json.loads(ApprovalEvent.parse(event(0)).canonical_json())]
    assert job.get_status() == "queued"
    assert job.enqueued_at is not None
    assert (queue.name, queue.get_job_ids()) == ("approvals", [str(event_id(0))])


def test_a_job_holds_the_time_of_enqueueing(
    producer: Publisher, connection: fakeredis.FakeRedis
) -> None:
    """In whole seconds, as Signoff's commands and RQ read it."""
    before = datetime.now(UTC).replace(microsecond=0)
    producer.publish(event(0))

    job = Job.fetch(str(event_id(0)), connection=connection, serializer=JSONSerializer)
    held = connection.hget(job_key(0), "enqueued_at")

    assert job.enqueued_at is not None
    assert before <= job.enqueued_at <= datetime.now(UTC)
    assert held == job.enqueued_at.strftime("%Y-%m-%dT%H:%M:%SZ").encode()


def test_a_job_taken_by_stock_rq_holds_the_event(
    producer: Publisher, connection: fakeredis.FakeRedis
) -> None:
    """RQ takes it from the queue, and its event has the published content."""
    producer.publish(event(0))
    queue = Queue("approvals", connection=connection, serializer=JSONSerializer)

    taken = Queue.dequeue_any([queue], None, connection=connection, serializer=JSONSerializer)

    assert taken is not None
    (held,) = taken[0].args
    published = ApprovalEvent.parse(event(0)).canonical_json()
    assert content_hash(ApprovalEvent.parse(held).canonical_json()) == content_hash(published)


# Mistakes and outages


@pytest.mark.parametrize(
    ("kind", "client"),
    [(Producer, fakeredis.FakeRedis), (AsyncProducer, fakeredis.FakeAsyncRedis)],
)
def test_a_publish_many_that_is_not_iterated_over_warns(
    kind: Callable[..., Any], client: Callable[[], Any]
) -> None:
    """Nothing was published; the warning is like that of a coroutine never awaited."""
    receipts = [kind(connection=client()).publish_many([event(0)])]

    with pytest.warns(RuntimeWarning, match="never iterated over: nothing was published"):
        receipts.clear()


def test_a_publish_many_that_is_stopped_early_does_not_warn(producer: Publisher) -> None:
    """The caller may stop at any event."""
    with warnings.catch_warnings(record=True, action="always") as caught:
        first = next(iter(producer.publish_many([event(0), event(1)])))
        gc.collect()

    assert first.answer is Answer.ACCEPTED
    assert [str(warning.message) for warning in caught if "iterated" in str(warning.message)] == []


def test_an_outage_is_signoffs_own_error(make: Make, server: fakeredis.FakeServer) -> None:
    """QueueUnavailableError, for one event and for many; when Redis is back, publishing works."""
    producer = make()
    server.connected = False

    with pytest.raises(QueueUnavailableError, match="did not take the events"):
        producer.publish(event(0))
    with pytest.raises(QueueUnavailableError, match="Publish them again"):
        list(producer.publish_many([event(0)]))

    server.connected = True
    assert producer.publish(event(0)).answer is Answer.ACCEPTED


SECRET = "s3cr3t/@:"
URL = "redis://user:s3cr3t%2F%40%3A@127.0.0.1:1/0"


def test_an_error_names_the_address_but_no_password() -> None:
    """The message shows the address of Redis only."""
    with Producer(URL) as producer, pytest.raises(QueueUnavailableError) as caught:
        producer.publish(event(0))

    assert "127.0.0.1:1" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_an_async_error_names_the_address_but_no_password() -> None:
    """The same for AsyncProducer."""

    async def publish() -> None:
        async with AsyncProducer(URL) as producer:
            await producer.publish(event(0))

    with pytest.raises(QueueUnavailableError) as caught:
        asyncio.run(publish())

    assert "127.0.0.1:1" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


class QuotingConnection(redis.Connection):
    """The answer of a server that does not know AUTH: it quotes the arguments."""

    def connect(self) -> None:
        """Refuse, as an old or restricted Redis does."""
        raise redis.ResponseError(
            f"unknown command 'AUTH', with args beginning with: '{self.password}'"
        )


def test_a_server_that_quotes_the_password_is_not_quoted() -> None:
    """Redis repeats the arguments of a command it does not know."""
    pool = redis.ConnectionPool(
        connection_class=QuotingConnection,
        host="h",
        port=1,
        password=SECRET,
        credential_provider=None,
    )
    producer = Producer(connection=redis.Redis(connection_pool=pool))

    with pytest.raises(QueueUnavailableError) as caught:
        producer.publish(event(0))

    assert "with args beginning with: '***'" in str(caught.value)


@pytest.mark.parametrize("kind", [Producer, AsyncProducer])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "SIGNOFF_REDIS_URL is not set"),
        (
            {"redis_url": f"http://:{SECRET}@h"},
            r"the argument redis_url holds http://\*\*\*; expected",
        ),
        ({"redis_url": f"redis://:{SECRET}@h"}, r"the argument redis_url holds redis://\*\*\*;"),
        ({"redis_url": "redis://h", "queue": "a b"}, "the argument queue holds 'a b'"),
        (
            {"redis_url": "redis://h", "max_queue_length": 0},
            "the argument max_queue_length holds 0",
        ),
        ({"redis_url": "redis://h?decode_responses=true"}, "returns bytes"),
        ({"redis_url": "redis://h?socket_timout=1"}, "perhaps socket_timeout is meant"),
        ({"connection": redis.Redis.from_url("redis://h?decode_responses=False")}, "returns bytes"),
        ({"connection": fakeredis.FakeRedis(decode_responses=True)}, "returns bytes"),
    ],
)
def test_a_wrong_setting_is_an_error_at_once(
    monkeypatch: pytest.MonkeyPatch,
    kind: Callable[..., Any],
    *,
    options: Mapping,
    said: str,
) -> None:
    """Before the first event, with the message of the settings."""
    monkeypatch.delenv("SIGNOFF_REDIS_URL", raising=False)

    with pytest.raises(SettingsError, match=said):
        kind(**options)


def test_settings_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, connection: fakeredis.FakeRedis
) -> None:
    """Options that are not given are read from SIGNOFF_ variables."""
    monkeypatch.setenv("SIGNOFF_QUEUE", "night")
    monkeypatch.setenv("SIGNOFF_MAX_QUEUE_LENGTH", "1")
    producer = Producer(connection=connection)
    producer.publish(event(0))

    with pytest.raises(QueueFull, match="'night' is as long as max_queue_length=1 allows"):
        producer.publish(event(1))


# Awaiting


def test_fifty_tasks_publish_at_the_same_time(
    server: fakeredis.FakeServer, connection: fakeredis.FakeRedis
) -> None:
    """Concurrent publishes of 25 events, each twice: one of each pair is accepted."""

    async def publish() -> list[Receipt]:
        async with (
            fakeredis.FakeAsyncRedis(server=server) as client,
            AsyncProducer(connection=client) as producer,
        ):
            return await asyncio.gather(*(producer.publish(event(n // 2)) for n in range(50)))

    receipts = asyncio.run(publish())

    assert sorted(answers(receipts)) == ["accepted"] * 25 + ["duplicate"] * 25
    assert [receipt.event_id for receipt in receipts] == [event_id(n // 2) for n in range(50)]
    assert connection.llen(WAITING) == 25


def gathered(
    server: fakeredis.FakeServer, count: int, **options: Any
) -> list[Receipt | BaseException]:
    """The answers to events that are published at the same time; the first task is cancelled."""

    async def publish() -> list[Receipt | BaseException]:
        async with (
            fakeredis.FakeAsyncRedis(server=server) as client,
            AsyncProducer(connection=client, **options) as producer,
        ):
            await producer.publish(event(0))
            those = [asyncio.create_task(producer.publish(event(n))) for n in range(count)]
            await asyncio.sleep(0)
            those[0].cancel()
            return await asyncio.gather(*those, return_exceptions=True)

    return asyncio.run(publish())


def test_concurrent_publishes_share_a_round_trip(
    server: fakeredis.FakeServer, connection: fakeredis.FakeRedis, commands: list[str]
) -> None:
    """Fifty events are one command; a cancelled publisher does not affect the others."""
    gave_up, *receipts = gathered(server, 51)

    assert commands[-1] == "EVALSHA"
    assert commands.count("EVALSHA") == 2 + commands.count("SCRIPT")
    assert isinstance(gave_up, asyncio.CancelledError)
    assert [receipt.answer for receipt in receipts if isinstance(receipt, Receipt)] == [
        "accepted"
    ] * 50
    assert connection.llen(WAITING) == 51


def test_each_concurrent_publisher_gets_its_own_queue_full(server: fakeredis.FakeServer) -> None:
    """Of four events, two find room and are accepted, and two raise QueueFull."""
    _, *answers = gathered(server, 5, max_queue_length=3)

    assert [type(answer) for answer in answers] == [Receipt, Receipt, QueueFull, QueueFull]


def test_each_concurrent_publisher_gets_an_outage_and_the_next_publish_works(
    server: fakeredis.FakeServer, connection: fakeredis.FakeRedis
) -> None:
    """An outage is raised in each waiting publisher; later publishes are not affected."""

    async def publish() -> list[Receipt | BaseException]:
        client = fakeredis.FakeAsyncRedis(server=server)
        async with client, AsyncProducer(connection=client) as producer:
            server.connected = False
            met = await asyncio.gather(
                *(producer.publish(event(n)) for n in range(3)), return_exceptions=True
            )
            server.connected = True
            return [*met, await producer.publish(event(3))]

    *met, last = asyncio.run(publish())

    assert [type(answer) for answer in met] == [QueueUnavailableError] * 3
    assert isinstance(last, Receipt)
    assert connection.llen(WAITING) == 1


@pytest.mark.usefixtures("whole_chunks")
def test_events_may_be_awaited_too(server: fakeredis.FakeServer) -> None:
    """publish_many() takes an asynchronous source too, in bounded memory."""
    taken = 0

    async def source() -> AsyncIterator[Mapping]:
        nonlocal taken
        for number in range(CHUNK + 1):
            taken += 1
            yield event(number)

    async def publish() -> list[tuple[str, int]]:
        async with fakeredis.FakeAsyncRedis(server=server) as client:
            producer = AsyncProducer(connection=client)
            return [(r.answer.value, taken) async for r in producer.publish_many(source())]

    assert asyncio.run(publish()) == [("accepted", CHUNK)] * CHUNK + [("accepted", CHUNK + 1)]


# What publishing needs

BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"psycopg", "psycopg_pool", "typer", "rich",
                                      "signoff_db", "signoff_worker", "signoff_cli"}:
            raise ImportError(name)

sys.meta_path.insert(0, Blocker())

import asyncio
import fakeredis
from signoff import AsyncProducer, Producer

server = fakeredis.FakeServer()
event = sys.argv[1]
print(Producer(connection=fakeredis.FakeRedis(server=server)).publish(event).answer)

async def publish():
    async with fakeredis.FakeAsyncRedis(server=server) as client:
        print((await AsyncProducer(connection=client).publish(event)).answer)

asyncio.run(publish())
"""


def test_publishing_needs_no_postgres_driver() -> None:
    """It works without psycopg and without the modules of the worker and the command line."""
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, json.dumps(event(0))],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout.split() == ["accepted", "duplicate"]


def test_an_event_on_another_queue_is_a_conflict_that_says_where() -> None:
    """An id belongs to one queue; publishing it to another queue is a conflict."""
    server = fakeredis.FakeRedis()
    first = Producer(connection=server, queue="elsewhere")
    assert first.publish(event()).ok
    receipt = Producer(connection=server, queue="approvals").publish(event())
    assert (receipt.answer, receipt.reason) == (Answer.CONFLICT, "it is on queue 'elsewhere'")
    assert server.llen(WAITING) == 0


@pytest.mark.parametrize("status", ["finished", "canceled"])
def test_a_job_that_a_stock_worker_has_finished_can_be_published_again(status: str) -> None:
    """RQ keeps a finished job for some time; no job waits under its id."""
    server = fakeredis.FakeRedis()
    producer = Producer(connection=server)
    producer.publish(event())
    server.lpop(WAITING)
    server.hset(job_key(0), mapping={"status": status, "result": "applied"})
    server.expire(job_key(0), 500)
    assert producer.publish(event()).answer is Answer.ACCEPTED
    assert (server.llen(WAITING), server.ttl(job_key(0))) == (1, -1)


@pytest.mark.parametrize(
    "source",
    [event(quality_score=9), json.dumps(event(quality_score=9)), json.dumps(event(x=1)).encode()],
)
def test_a_rejected_event_is_named(source: Any) -> None:
    """The receipt holds its id, if it can be read, and the reason."""
    receipt = Producer(connection=fakeredis.FakeRedis()).publish(source)
    assert (receipt.answer, receipt.event_id) == (Answer.REJECTED, event_id(0))
    assert receipt.reason is not None


def test_a_receipt_can_raise_an_error(producer: Publisher) -> None:
    """For callers that want exceptions: rejected and conflict raise, an `ok` receipt does not."""
    assert producer.publish(event(0)).raise_for_status().answer is Answer.ACCEPTED
    assert producer.publish(event(0)).raise_for_status().answer is Answer.DUPLICATE
    with pytest.raises(InvalidEvent, match="quality_score must be at most 5"):
        producer.publish(event(0, quality_score=9)).raise_for_status()
    with pytest.raises(EventConflict, match="other content has this event_id") as caught:
        producer.publish(event(0, quality_score=1)).raise_for_status()

    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 -- our own bytes
    assert (copy.event_id, str(copy)) == (event_id(0), str(caught.value))


def test_only_a_producers_own_settings_can_be_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, connection: fakeredis.FakeRedis
) -> None:
    """It reads neither another role's variables nor the `.env` of the working folder."""
    monkeypatch.setenv("SIGNOFF_ALERT_URL", "wrong")
    monkeypatch.setenv("SIGNOFF_DATABASE_URL", "wrong")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("SIGNOFF_QUEUE=of another project\n", "utf-8")

    assert Producer(connection=connection).publish(event(0)).ok
    assert connection.llen(WAITING) == 1


def test_a_missing_url_is_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It does not name `.env`, which a producer does not read."""
    monkeypatch.delenv("SIGNOFF_REDIS_URL", raising=False)
    with pytest.raises(SettingsError, match="or give it as an argument") as caught:
        Producer()

    assert ".env" not in str(caught.value)


@pytest.mark.parametrize("one", [event(), json.dumps(event()), b"{}", MappingProxyType(event())])
def test_publish_many_refuses_a_single_event(one: Any) -> None:
    """The characters of a string and the keys of a mapping are not events."""
    with pytest.raises(TypeError, match="publish"):
        Producer(connection=fakeredis.FakeRedis()).publish_many(one)
    with pytest.raises(TypeError, match="publish"):
        AsyncProducer(connection=fakeredis.FakeAsyncRedis()).publish_many(one)


# Slow sources


class Clock:
    """A clock that a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("signoff_producer.chunks.time.monotonic", lambda: self.now)


def test_events_of_a_slow_source_are_published_at_once(
    monkeypatch: pytest.MonkeyPatch, connection: fakeredis.FakeRedis
) -> None:
    """A late event is sent at once, and its receipt comes before the next event."""
    clock = Clock(monkeypatch)
    waiting_then: list[int] = []

    def source() -> Iterator[Mapping]:
        for number in range(4):
            waiting_then.append(connection.llen(WAITING))
            clock.now += 60
            yield event(number)

    with Producer(connection=connection) as producer:
        receipts = producer.publish_many(source())
        next(receipts)

        assert connection.llen(WAITING) == 1
        assert answers(receipts) == ["accepted"] * 3
    assert waiting_then == [0, 1, 2, 3]


def test_events_are_sent_while_an_asynchronous_source_waits(
    connection: fakeredis.FakeRedis,
) -> None:
    """The source is always read in the same task."""

    async def publish() -> list[str]:
        answered = asyncio.Event()
        server = connection.connection_pool.connection_kwargs["server"]
        tasks: set[Any] = set()

        async def source() -> AsyncIterator[Mapping]:
            for number in range(3):
                tasks.add(asyncio.current_task())
                yield event(number)
            await answered.wait()  # for good, unless the receipts of those before are given
            tasks.add(asyncio.current_task())
            yield event(3)

        given: list[str] = []
        async with (
            fakeredis.FakeAsyncRedis(server=server) as client,
            AsyncProducer(connection=client) as producer,
        ):
            async for receipt in producer.publish_many(source()):
                given.append(receipt.answer.value)
                if len(given) == 3:
                    answered.set()
        assert len(tasks) == 1
        return given

    assert asyncio.run(asyncio.wait_for(publish(), 120)) == ["accepted"] * 4


def test_a_sources_own_error_is_raised_where_it_is_awaited() -> None:
    """After the receipts of earlier events; and a source that is not read to its end is closed."""
    left: list[str] = []

    async def source(error: Exception | None) -> AsyncIterator[Mapping]:
        try:
            yield event(0)
            if error:
                raise error
            await asyncio.Event().wait()
        finally:
            left.append("closed")

    async def publish() -> None:
        async with (
            fakeredis.FakeAsyncRedis() as client,
            AsyncProducer(connection=client) as producer,
        ):
            receipts: Any = producer.publish_many(source(OSError("gone")))
            assert (await anext(receipts)).answer == "accepted"
            with pytest.raises(OSError, match="gone"):
                await anext(receipts)
            receipts = producer.publish_many(source(None))
            assert (await anext(receipts)).answer == "duplicate"
            await receipts._source.aclose()

    asyncio.run(asyncio.wait_for(publish(), 120))

    assert left == ["closed"] * 2


# Tasks and loops


def test_no_publisher_waits_for_a_sender_that_was_cancelled(
    server: fakeredis.FakeServer,
) -> None:
    """Each gets an error, since its event may not have been sent; the next publish works."""

    async def publish() -> list[Any]:
        async with (
            fakeredis.FakeAsyncRedis(server=server) as client,
            AsyncProducer(connection=client) as producer,
        ):
            met: list[Any] = []
            for pauses in range(3):
                those = [asyncio.create_task(producer.publish(event(n))) for n in range(3)]
                await asyncio.sleep(0)
                for _ in range(pauses):
                    await asyncio.sleep(0)
                sender = producer._coalescer._sender
                assert sender
                sender.cancel()
                met += await asyncio.gather(*those, return_exceptions=True)
            return [*met, await producer.publish(event(9))]

    *met, last = asyncio.run(asyncio.wait_for(publish(), 120))

    assert {type(answer) for answer in met} <= {QueueUnavailableError, Receipt}
    assert any(isinstance(answer, QueueUnavailableError) for answer in met)
    assert last.answer is Answer.ACCEPTED


def test_an_async_producer_belongs_to_one_event_loop(server: fakeredis.FakeServer) -> None:
    """A second loop gets an error; after the producer is closed, another loop may use it."""
    client = fakeredis.FakeAsyncRedis(server=server)
    producer = AsyncProducer(connection=client)

    async def many() -> None:
        async for _ in producer.publish_many([event(1)]):
            pass

    with asyncio.Runner() as first, asyncio.Runner() as second:
        first.run(producer.publish(event(0)))
        for use in (
            lambda: producer.publish(event(1)),
            many,
            producer.flush_spool,
            producer.close,
        ):
            with pytest.raises(EventLoopError, match="make one in each loop"):
                second.run(use())

        first.run(producer.close())
        first.run(client.aclose())
        assert second.run(producer.publish(event(1))).answer is Answer.ACCEPTED
        second.run(client.aclose())


@pytest.mark.parametrize("kind", [Producer, AsyncProducer])
def test_a_misspelt_option_is_refused(kind: type[Producer] | type[AsyncProducer]) -> None:
    """Otherwise it would have no effect, without a message."""
    with pytest.raises(TypeError, match=r"no option 'wait_replica'; did you mean wait_replicas\?"):
        kind("redis://localhost:1/0", wait_replica=1)  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", [Producer, AsyncProducer])
def test_a_wrong_option_is_named_as_it_was_given(
    kind: type[Producer] | type[AsyncProducer],
) -> None:
    """Not as a variable of the environment, which nobody set."""
    with pytest.raises(
        SettingsError, match=r"^the argument timeout holds -1; expected a number greater"
    ):
        kind("redis://localhost:1/0", timeout=-1)
    with pytest.raises(SettingsError, match=r"^the argument redis_timeout holds 0; expected"):
        kind("redis://localhost:1/0", redis_timeout=0)
