"""The feed over HTTP: pages, and a stream that is followed over a real socket."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import processes
import psycopg
import pytest
import web
from approvals import apply_events, approval, decision
from jsonschema import Draft202012Validator

from signoff_db.connection import BatchConnection
from signoff_embedded.ports import free_port
from signoff_ops.api_keys import revoke_key
from signoff_ops.servers import DirectServers
from signoff_schemas import Settings
from signoff_schemas.access import Scope
from signoff_web.streams import event_text

STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
def reader(redis_url: str, database_url: str) -> Iterator[httpx.Client]:
    """A client that may do all."""
    with web.client(redis_url, database_url, authenticate=web.acting_as("any")) as client:
        yield client


@dataclass
class Received:
    """What a stream of server-sent events brought."""

    lines: Iterator[str]

    def event(self) -> dict[str, str]:
        """The next event with data."""
        fields: dict[str, str] = {}
        for line in self.lines:
            if not line and "data" in fields:
                return fields
            name, _, value = line.partition(": ")
            fields[name] = value
        raise AssertionError("the stream ended")


@contextmanager
def following(
    client: httpx.Client, path: str = "/v1/feed?follow=true", **headers: str
) -> Iterator[Received]:
    """Follow the feed until the block ends."""
    with client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Received(answer.iter_lines())


def is_live(client: httpx.Client) -> bool:
    """Whether the service answers."""
    try:
        return client.get("/live").is_success
    except httpx.TransportError:
        return False


def lines_of(answer: httpx.Response) -> list[dict[str, Any]]:
    """The lines of a page."""
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def test_the_feed_comes_in_pages(reader: httpx.Client, connection: BatchConnection) -> None:
    """Each event once, as it was published; the headers say where to go on, and if that is all."""
    events = [approval(n, ltv_amount="1.50") for n in range(4)]
    apply_events(connection, *events, decision(9))
    seen: list[dict[str, Any]] = []
    address, caught_up = "/v1/feed?limit=2", "false"
    while caught_up == "false":
        page = reader.get(address)
        seen += lines_of(page)
        caught_up = page.headers["signoff-caught-up"]
        address = page.links["next"]["url"]
    assert [line["event"]["event_id"] for line in seen if line["event_type"] == "approval"] == [
        str(event.event_id) for event in sorted(events, key=lambda event: event.event_id)
    ]
    assert seen[0]["event"]["ltv_amount"] == "1.50"
    assert len(seen) == 5
    after = page.headers["signoff-position"]
    assert lines_of(reader.get("/v1/feed", params={"after": after})) == []
    apply_events(connection, approval())
    assert len(lines_of(reader.get("/v1/feed", params={"after": after}))) == 1


def test_lines_are_as_described(reader: httpx.Client, connection: BatchConnection) -> None:
    """The description of the API has the shape of a line."""
    apply_events(connection, approval(user_id="a\u2028b"))
    schemas = reader.get("/v1/openapi.json").json()["components"]["schemas"]
    validator = Draft202012Validator(schemas["FeedLine"])
    for line in lines_of(reader.get("/v1/feed")):
        validator.validate(line)


def request(client: httpx.Client) -> httpx.Request:
    """A request to follow the feed."""
    return client.build_request("GET", "/v1/feed", headers=STREAM)


@pytest.mark.parametrize("after", ["x", "", "\0", "9" * 3000])
def test_what_is_no_position_is_refused(reader: httpx.Client, after: str) -> None:
    """Also where a stream is asked for: no stream begins."""
    for headers in ({}, STREAM):
        answer = reader.get("/v1/feed", params={"after": after}, headers=headers)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_followed_feed_brings_what_is_applied_later(
    reader: httpx.Client, connection: BatchConnection
) -> None:
    """The id of each event is its position."""
    first, later = approval(), approval()
    apply_events(connection, first)
    with following(reader) as stream:
        found = stream.event()
        assert json.loads(found["data"])["event"]["event_id"] == str(first.event_id)
        assert json.loads(found["data"])["position"] == found["id"]
        apply_events(connection, later)
        assert json.loads(stream.event()["data"])["event"]["event_id"] == str(later.event_id)


def test_head_of_a_stream_ends_at_once(redis_url: str, database_url: str) -> None:
    """It has no body that could be followed, and holds no place of a reader."""
    anybody = web.acting_as("any")
    with web.client(redis_url, database_url, authenticate=anybody, web_followers=1) as reader:
        for _ in range(3):
            answer = reader.head("/v1/feed", headers=STREAM)
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
        with following(reader):
            pass


def test_a_reader_that_connects_again_goes_on(
    reader: httpx.Client, connection: BatchConnection
) -> None:
    """`Last-Event-ID` wins over the `after` of the address, which is older."""
    apply_events(connection, *(approval(n) for n in range(3)))
    seen = []
    with following(reader) as stream:
        seen.append(stream.event())
    for _ in range(2):
        last = {"Last-Event-ID": seen[-1]["id"], **STREAM}
        with following(reader, "/v1/feed", **last) as stream:
            seen.append(stream.event())
    ids = [json.loads(found["data"])["event"]["event_id"] for found in seen]
    assert len(set(ids)) == 3


def test_readers_that_follow_are_bounded_and_hold_no_connection(
    redis_url: str, database_url: str, connection: BatchConnection
) -> None:
    """One more gets a problem; pages are read meanwhile; who leaves makes room."""
    apply_events(connection, approval())
    with web.client(
        redis_url, database_url, authenticate=web.acting_as("any"), web_followers=20
    ) as client:
        streams = [client.send(request(client), stream=True) for _ in range(20)]
        refused = client.get("/v1/feed", headers=STREAM)
        assert refused.status_code == 503
        assert refused.json()["type"] == "urn:signoff:problem:too-many-followers"
        # More streams than the service has connections to Postgres.
        assert len(lines_of(client.get("/v1/feed"))) == 1
        assert "signoff_http_followers 20" in client.get("/metrics").text
        for stream in streams:
            stream.close()
        processes.eventually(
            lambda: "signoff_http_followers 0" in client.get("/metrics").text, what="they left"
        )


def test_a_followed_feed_waits_for_postgres(
    reader: httpx.Client, connection: BatchConnection, database_url: str
) -> None:
    """Connections that the server ends are no end of the stream."""
    apply_events(connection, approval())
    with following(reader) as stream:
        stream.event()
        with psycopg.connect(database_url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                "WHERE application_name = 'signoff-web' AND datname = current_database()"
            )
        later = approval()
        apply_events(connection, later)
        assert json.loads(stream.event()["data"])["event"]["event_id"] == str(later.event_id)


def test_streams_end_at_sigterm(
    redis_url: str, database_url: str, connection: BatchConnection, tmp_path: Path
) -> None:
    """A reader that follows does not hold up `signoff serve`, which ends with exit code 0."""
    apply_events(connection, approval())
    port, log = free_port(), tmp_path / "log"
    env = processes.environment(redis_url, database_url, stop_timeout=300)
    command = (sys.executable, "-m", "signoff_cli", "serve", "--port", str(port))
    key = web.key_of(Settings.load(redis_url=redis_url, database_url=database_url))
    with (
        processes.process(*command, env=env, log=log) as serving,
        httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            timeout=processes.DEADLINE,
            verify=web.NO_AUTHORITIES,
            headers={"Authorization": f"Bearer {key}"},
        ) as client,
    ):
        processes.eventually(lambda: is_live(client), what="it is live", log=log)
        with following(client) as stream:
            stream.event()
            serving.send_signal(signal.SIGTERM)
            assert not any(line.startswith("data") for line in stream.lines)
        assert processes.exit_code(serving, log=log) == 0


def test_a_stream_ends_when_its_key_is_revoked(
    redis_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the reader may still read is looked up again and again."""
    monkeypatch.setattr("signoff_web.api.feed._HEARTBEAT", 0.1)
    settings = Settings.load(redis_url=redis_url, database_url=database_url)
    key = web.key_of(settings, Scope.READ)
    with (
        web.client(redis_url, database_url) as client,
        following(client, Authorization=f"Bearer {key}") as stream,
    ):
        assert next(stream.lines).startswith("id: ")
        revoke_key(DirectServers(settings), "test", "root")
        assert not any(line.startswith("data") for line in stream.lines)


def test_a_heartbeat_moves_the_position() -> None:
    """A comment keeps the connection open; an id without data is noted by the browser."""
    assert event_text() == b":\n\n"
    assert event_text(identifier="p") == b"id: p\n:\n\n"
    assert event_text(data="{}", identifier="p", kind="k") == b"event: k\nid: p\ndata: {}\n\n"
