"""Publish many events over HTTP as lines: receipts, order, trouble in the middle."""

import asyncio
import gzip
import json
import threading
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import processes
import pytest
import web
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis
from starlette.types import Message
from valkeys import valkey
from web_events import APPROVALS, DECISIONS, a_decision, event, problem_of

from signoff_embedded.ports import free_port
from signoff_schemas import ApprovalEvent
from signoff_schemas.access import Scope
from signoff_web.api.event_stream import batches
from signoff_web.bodies import Inflater

LINES = {"Content-Type": "application/x-ndjson"}
SENDER = web.acting_as("shop", Scope.PUBLISH)


@pytest.fixture
def client(redis_url: str, database_url: str) -> Iterator[httpx.Client]:
    """A client that may publish."""
    with web.client(redis_url, database_url, authenticate=SENDER) as opened:
        yield opened


def line(**fields: Any) -> bytes:
    """An event as a line, without its end."""
    return json.dumps(event(**fields)).encode()


def receipts_of(answer: httpx.Response) -> list[dict[str, Any]]:
    """The lines of an answer."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(text) for text in answer.text.splitlines()]


def queued(redis_url: str) -> int:
    """How many events wait."""
    with Redis.from_url(redis_url) as redis:
        return int(redis.llen(processes.KEYS.waiting))


def streaming(client: httpx.Client, *headers: str) -> web.RawConnection:
    """A connection on which a body of lines has begun."""
    connection = web.RawConnection(client.base_url)
    connection.begin(APPROVALS, "Content-Type: application/x-ndjson", *headers)
    return connection


def taken(connection: web.RawConnection, *lines: bytes) -> list[dict[str, Any]]:
    """Send lines and read their receipts."""
    connection.chunk(b"".join(text + b"\n" for text in lines))
    found = [connection.until(b"}\n") for _ in lines]
    return [json.loads(text[text.rindex(b'{"line"') :]) for text in found]


def last_line(connection: web.RawConnection) -> dict[str, Any]:
    """The problem document that ends an answer."""
    text = connection.until(b"}\n")
    document: dict[str, Any] = json.loads(text[text.rindex(b'{"type"') :])
    return document


def test_each_line_has_its_receipt(client: httpx.Client, redis_url: str) -> None:
    """In order and with its number; what is refused never fails its neighbours."""
    first, last = line(), line()
    conflict = json.dumps(json.loads(first) | {"quality_score": 1}).encode()
    decided = json.dumps(a_decision()).encode()
    lines = [first, b"", line(quality_score=9), b"x" * 300_000, first, conflict, decided, b"\r"]
    body = b"\n".join([*lines, b"nonsense", last])  # the last one without its end
    receipts = receipts_of(client.post(APPROVALS, content=body, headers=LINES))

    assert [(receipt["line"], receipt["answer"]) for receipt in receipts] == [
        (1, "accepted"),
        (3, "rejected"),
        (4, "rejected"),
        (5, "duplicate"),
        (6, "conflict"),
        (7, "rejected"),
        (9, "rejected"),
        (10, "accepted"),
    ]
    refused = {receipt["line"]: receipt for receipt in receipts}
    assert refused[3]["errors"][0]["pointer"] == "/quality_score"
    assert refused[4]["errors"][0]["code"] == "too_large"
    assert DECISIONS in refused[7]["reason"]
    assert "other content" in refused[6]["reason"]
    assert queued(redis_url) == 2


def test_decisions_come_as_lines_too(client: httpx.Client) -> None:
    """On their own route, also compressed."""
    body = gzip.compress(b"".join(json.dumps(a_decision()).encode() + b"\n" for _ in range(3)))
    headers = LINES | {"Content-Encoding": "gzip"}

    receipts = receipts_of(client.post(DECISIONS, content=body, headers=headers))
    assert [receipt["answer"] for receipt in receipts] == ["accepted"] * 3


def test_no_line_is_no_error(client: httpx.Client) -> None:
    """A body without events has no receipts."""
    assert receipts_of(client.post(APPROVALS, content=b"\n \n", headers=LINES)) == []
    assert receipts_of(client.post(APPROVALS, content=b"", headers=LINES)) == []


def test_an_idempotency_key_is_not_for_many(client: httpx.Client) -> None:
    """Each line has its own, the `event_id`."""
    headers = LINES | {"Idempotency-Key": "00000000-0000-4000-8000-000000000001"}

    answer = client.post(APPROVALS, content=line(), headers=headers)
    problem_of(answer, 422, "wrong-idempotency-key")


def test_receipts_come_while_lines_are_sent(client: httpx.Client) -> None:
    """A sender may wait for the receipt of a line before it sends the next."""
    connection = streaming(client)
    for number in range(1, 4):
        assert [receipt["line"] for receipt in taken(connection, line())] == [number]
    connection.chunk(b"")

    assert connection.until(b"0\r\n\r\n").endswith(b"0\r\n\r\n")
    connection.close()


def test_where_the_queue_becomes_full_the_sender_can_go_on(
    redis_url: str, database_url: str
) -> None:
    """Receipts so far stand; the last line says how many lines were taken."""
    lines = [b"", line(), b"nonsense", line(), b"", line(), line()]
    with web.client(
        redis_url, database_url, authenticate=SENDER, max_queue_length=2, full_retry_after=7
    ) as client:
        answer = client.post(APPROVALS, content=b"\n".join(lines), headers=LINES)
        *receipts, problem = receipts_of(answer)
        with Redis.from_url(redis_url) as redis:
            redis.delete(processes.KEYS.waiting)
        rest = b"\n".join(lines[problem["lines_taken"] :])
        others = receipts_of(client.post(APPROVALS, content=rest, headers=LINES))

    assert [receipt["line"] for receipt in receipts] == [2, 3, 4]
    assert (problem["type"], problem["status"]) == ("urn:signoff:problem:queue-full", 503)
    assert problem["lines_taken"] == 5
    assert [receipt["answer"] for receipt in others] == ["accepted"] * 2


def test_a_full_queue_is_no_stream(redis_url: str, database_url: str) -> None:
    """Where no line was taken, the answer is that of a single event."""
    with web.client(redis_url, database_url, authenticate=SENDER, max_queue_length=1) as client:
        client.post(APPROVALS, json=event())
        answer = client.post(APPROVALS, content=line(), headers=LINES)

    assert problem_of(answer, 503, "queue-full")["lines_taken"] == 0
    assert answer.headers["retry-after"]


def test_redis_away_is_no_stream(database_url: str) -> None:
    """Likewise while Redis cannot be reached."""
    nowhere = f"redis://127.0.0.1:{free_port()}"
    with web.client(nowhere, database_url, authenticate=SENDER) as client:
        answer = client.post(APPROVALS, content=line(), headers=LINES)

    problem_of(answer, 503, "redis-unavailable")


def test_where_redis_goes_away_the_receipts_stand(database_url: str, tmp_path: Path) -> None:
    """The sender is told how many lines were taken, in bounded time."""
    with (
        valkey(tmp_path / "valkey") as server,
        web.client(server.url, database_url, authenticate=SENDER, publish_retries=0) as client,
    ):
        connection = streaming(client)
        taken(connection, line(), line())
        server.process.kill()
        server.process.wait()
        connection.chunk(line() + b"\n")
        problem = last_line(connection)
        connection.close()

    assert problem["type"] == "urn:signoff:problem:redis-unavailable"
    assert problem["lines_taken"] == 2


def test_a_sender_beyond_its_rate_is_told_where_to_go_on(redis_url: str, database_url: str) -> None:
    """The events of a stream count like single ones."""
    with web.client(redis_url, database_url, authenticate=SENDER, rate_limit=2) as client:
        connection = streaming(client)
        taken(connection, line(), line())
        connection.chunk(line() + b"\n")
        problem = last_line(connection)
        connection.close()

    assert problem["type"] == "urn:signoff:problem:rate-limited"
    assert problem["lines_taken"] == 2
    assert queued(redis_url) == 2


def test_when_the_service_stops_a_stream_ends_with_a_line(
    redis_url: str, database_url: str
) -> None:
    """At the border of a batch; the sender knows what was taken."""
    with web.client(redis_url, database_url, authenticate=SENDER) as client:
        connection = streaming(client)
        taken(connection, line(), line(), line())
    problem = last_line(connection)
    connection.close()

    assert problem["type"] == "urn:signoff:problem:stopping"
    assert problem["lines_taken"] == 3


def test_a_silent_stream_is_ended(redis_url: str, database_url: str) -> None:
    """Bytes that end no line are no progress."""
    with web.client(redis_url, database_url, authenticate=SENDER, body_timeout=1) as client:
        connection = streaming(client)
        taken(connection, line())
        connection.chunk(b"{")
        problem = last_line(connection)
        connection.close()

    assert problem["type"] == "urn:signoff:problem:body-too-slow"
    assert problem["lines_taken"] == 1


def test_when_a_client_goes_away_what_was_accepted_stays(
    client: httpx.Client, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The line that did not come whole is not published, and nothing is logged."""
    connection = streaming(client)
    taken(connection, line(), line())
    connection.chunk(line())
    connection.close()

    assert client.get("/live").status_code == 200
    processes.eventually(
        lambda: client.post(APPROVALS, content=b"", headers=LINES).is_success, what="it serves"
    )
    assert queued(redis_url) == 2
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_bomb_among_the_lines_ends_the_stream(client: httpx.Client) -> None:
    """What came before it stands."""
    connection = streaming(client, "Content-Encoding: gzip")
    connection.chunk(gzip.compress(line() + b"\n"))
    connection.until(b'"accepted"}\n')
    connection.chunk(gzip.compress(bytes(50_000_000)))

    problem = last_line(connection)
    connection.close()
    assert problem["type"] == "urn:signoff:problem:body-too-large"
    assert problem["lines_taken"] == 1


def test_memory_is_flat_however_many_lines_there_are(client: httpx.Client) -> None:
    """Of four times as many lines, accepted or refused, most are not in memory at once."""
    few, many = (_peak(client, count) for count in (30, 120))
    more = 90 * 50 * len(line(reviewer_notes="n" * 900))

    assert many - few < more / 2


def _peak(client: httpx.Client, chunks: int) -> int:
    """The most memory while so many chunks of a hundred lines are published."""
    connection = streaming(client)

    def send() -> None:
        for _ in range(chunks):
            pairs = (line(reviewer_notes="n" * 900) + b"\n[]\n" for _ in range(50))
            connection.chunk(b"".join(pairs))
        connection.chunk(b"")

    sender = threading.Thread(target=send)
    tracemalloc.start()
    try:
        sender.start()
        for _ in range(100 * chunks):
            connection.until(b"}\n")
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        sender.join()
        connection.close()


LONG = b"x" * 300_000
"""A line that is longer than any event."""
PARTS = st.lists(
    st.sampled_from([line(), line(quality_score=9), b"", LONG, b"[]", b" \r"]),
    max_size=6,
)
# More of these would inflate to more than a body may.
BODIES = PARTS.filter(lambda parts: parts.count(LONG) <= 3).map(b"\n".join)


async def _read(pieces: Sequence[bytes], *, compressed: bool) -> list[tuple[int, str, str]]:
    """What is published of a body that comes in these messages."""
    coming = iter(pieces)
    left = len(pieces)

    async def receive() -> Message:
        nonlocal left
        left -= 1
        return {"type": "http.request", "body": next(coming), "more_body": left > 0}

    inflater = Inflater() if compressed else None
    return [
        (number, str(request.event_id), str(request.error))
        async for batch in batches(receive, ApprovalEvent, inflater=inflater, seconds=120)
        for number, request in zip(batch.lines, batch.requests, strict=True)
    ]


@settings(deadline=None, max_examples=50)
@given(body=BODIES, places=st.lists(st.integers(0, 400_000), max_size=5), compressed=st.booleans())
def test_any_split_of_a_body_gives_the_same_receipts(
    body: bytes, places: list[int], *, compressed: bool
) -> None:
    """Where the network cuts a body, compressed or not, changes nothing."""
    sent = gzip.compress(body) if compressed else body
    ends = sorted({place % (len(sent) + 1) for place in places} | {len(sent)})
    pieces = [sent[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    found = asyncio.run(_read(pieces, compressed=compressed))
    assert found == asyncio.run(_read([body], compressed=False))
