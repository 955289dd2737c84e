"""Pausing and resuming the queue: who did it is known, and nothing is done that cannot be noted."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import redis
from desk import at_once, sql
from rq.suspension import is_suspended, suspend
from rq.suspension import resume as rq_resume

from signoff_ops import queue_control
from signoff_ops.errors import DatabaseUnavailableError, RedisUnavailableError
from signoff_ops.operating import Operator
from signoff_ops.queue_control import (
    InvalidPauseError,
    QueueNotPausedError,
    QueuePausedError,
    paused_text,
)
from signoff_ops.servers import DirectServers
from signoff_ops.status import queue_status, status
from signoff_queue import pausing
from signoff_schemas import Settings
from signoff_schemas.keys import SUSPENDED

ANN = Operator("user:ann", "a bad release")
NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def servers(redis_url: str, database_url: str) -> DirectServers:
    """Redis and Postgres."""
    return DirectServers(Settings.load(redis_url=redis_url, database_url=database_url))


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """What RQ's own tools see."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


def noted(database_url: str) -> list[tuple[Any, ...]]:
    """The actions that were noted."""
    statement = "SELECT actor, action, reason FROM signoff.operator_actions ORDER BY id"
    return sql(database_url, statement)


def test_a_pause_says_who_since_when_and_why(
    servers: DirectServers, client: redis.Redis, database_url: str
) -> None:
    """RQ honours it, the status shows it, both actions are in the history."""
    queue_control.pause(servers, ANN)
    assert is_suspended(client)
    found = status(servers)
    assert found.queue
    assert found.queue.pause
    assert (found.queue.pause.by, found.queue.pause.reason) == ("user:ann", "a bad release")
    assert found.queue.pause.since
    assert datetime.now(UTC) - found.queue.pause.since < timedelta(minutes=5)

    ended = queue_control.resume(servers, Operator("user:bob", "it is mended"))
    assert ended.by == "user:ann"
    assert not is_suspended(client)
    assert noted(database_url) == [
        ("user:ann", "pause_queue", "a bad release"),
        ("user:bob", "resume_queue", "it is mended"),
    ]
    rows = sql(database_url, "SELECT before->>'by' FROM signoff.operator_actions ORDER BY id")
    assert rows == [(None,), ("user:ann",)]


def test_a_pause_may_end_by_itself(servers: DirectServers, client: redis.Redis) -> None:
    """Redis ends it, with or without Signoff."""
    begun = queue_control.pause(servers, ANN, lasting=timedelta(minutes=30))
    assert begun.until
    assert 1_700_000 < client.pttl(SUSPENDED) <= 1_800_000
    found = queue_control.pause_of(servers)
    assert found
    assert found.until
    assert abs(found.until - begun.until) < timedelta(seconds=30)
    assert ", until " in paused_text(found)


def test_of_two_operators_at_once_one_pauses_and_one_is_told(
    servers: DirectServers, database_url: str
) -> None:
    """The other is told who paused; one action is noted. So it is with resuming."""

    def pause(number: int) -> str:
        try:
            queue_control.pause(servers, Operator(f"user:{number}", "why"))
        except QueuePausedError as error:
            return str(error)
        return "done"

    def resume(number: int) -> str:
        try:
            queue_control.resume(servers, Operator(f"user:{number}", "why"))
        except QueueNotPausedError as error:
            return str(error)
        return "done"

    told = sorted(at_once(pause, 2))
    assert told[0] == "done"
    assert told[1].startswith("the queue is paused already: by user:")
    assert sorted(at_once(resume, 2)).count("done") == 1
    assert len(noted(database_url)) == 2


def test_a_pause_by_others_is_shown_and_can_be_ended(
    servers: DirectServers, client: redis.Redis
) -> None:
    """`rq suspend` tells nothing but that it is."""
    suspend(client, ttl=600)
    found = queue_control.pause_of(servers)
    assert found
    assert found.by is None
    assert found.until
    assert "outside of Signoff" in paused_text(found)
    with pytest.raises(QueuePausedError, match="outside of Signoff"):
        queue_control.pause(servers, ANN)
    queue_control.resume(servers, ANN)
    assert not is_suspended(client)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"by": "root"}',
        b'{"signoff": 1, "by": ["x"], "since": 5, "reason": {}}',
        b'{"signoff": "", "by": "\\ud800", "since": "999999-01-01", "reason": "\\u0000\\u202e"}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_whatever_the_key_holds_is_a_pause_that_can_be_ended(
    servers: DirectServers, client: redis.Redis, value: bytes
) -> None:
    """Anybody who can write to Redis can write it."""
    client.set(SUSPENDED, value)
    found = queue_control.pause_of(servers)
    assert found
    assert len(paused_text(found)) < 1000
    queue_control.resume(servers, ANN)
    assert queue_control.pause_of(servers) is None


def test_a_key_of_another_type_pauses_too(servers: DirectServers, client: redis.Redis) -> None:
    """RQ looks only at whether it exists."""
    client.rpush(SUSPENDED, "x")
    assert queue_control.pause_of(servers)
    queue_control.resume(servers, ANN)
    assert queue_control.pause_of(servers) is None


@pytest.mark.parametrize(
    ("reason", "lasting"),
    [
        (None, None),
        ("  ", None),
        ("x" * 501, None),
        ("why", timedelta(0)),
        ("why", timedelta(days=31)),
    ],
)
def test_a_pause_wants_a_reason_and_a_sensible_length(
    servers: DirectServers, client: redis.Redis, reason: str | None, lasting: timedelta | None
) -> None:
    """Nothing is done otherwise."""
    with pytest.raises(InvalidPauseError):
        queue_control.pause(servers, Operator("ann", reason), lasting=lasting)
    assert not is_suspended(client)


def test_without_redis_nothing_is_noted(database_url: str) -> None:
    """And the message says that it is not known whether workers are paused."""
    servers = DirectServers(Settings.load(redis_url=NOWHERE, database_url=database_url))
    with pytest.raises(RedisUnavailableError, match="Nothing was noted"):
        queue_control.pause(servers, ANN)
    with pytest.raises(RedisUnavailableError):
        queue_control.resume(servers, ANN)
    assert noted(database_url) == []


def test_without_postgres_nothing_is_changed(redis_url: str, client: redis.Redis) -> None:
    """What cannot be noted is not done: neither a pause nor its end."""
    away = "postgresql://127.0.0.1:1/none"
    servers = DirectServers(Settings.load(redis_url=redis_url, database_url=away))
    with pytest.raises(DatabaseUnavailableError, match="Nothing was changed"):
        queue_control.pause(servers, ANN)
    assert not is_suspended(client)
    suspend(client)
    with pytest.raises(DatabaseUnavailableError, match="Nothing was changed"):
        queue_control.resume(servers, ANN)
    assert is_suspended(client)
    rq_resume(client)


def test_looking_at_the_queue_takes_four_round_trips(
    servers: DirectServers, client: redis.Redis
) -> None:
    """Counts, the oldest job, the workers, the pause: each is one script, however many workers."""
    queue_status(servers)  # loads the scripts
    client.config_resetstat()
    queue_status(servers)
    calls = client.info("commandstats")
    assert calls["cmdstat_evalsha"]["calls"] == 4


@pytest.mark.parametrize("paused", [False, True])
def test_what_cannot_be_committed_is_taken_back(
    servers: DirectServers, client: redis.Redis, database_url: str, *, paused: bool
) -> None:
    """Postgres ends the connection between the change in Redis and the commit."""
    if paused:
        queue_control.pause(servers, ANN, lasting=timedelta(minutes=30))
    before = client.get(SUSPENDED)
    with psycopg.connect(database_url, autocommit=True) as admin:
        # Runs at commit, after Redis was changed, and ends its own connection.
        admin.execute(
            "CREATE FUNCTION signoff.die() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
            " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'"
        )
        admin.execute(
            "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON signoff.operator_actions"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION signoff.die()"
        )
    act = queue_control.resume if paused else queue_control.pause
    with pytest.raises(DatabaseUnavailableError):
        act(servers, ANN)
    assert client.get(SUSPENDED) == before
    assert (client.pttl(SUSPENDED) > 0) == paused


def test_the_value_is_text_that_rqs_tools_can_show(
    servers: DirectServers, client: redis.Redis
) -> None:
    """JSON, with the id of the pause, so that another pause is never ended in its place."""
    first = queue_control.pause(servers, ANN)
    held = json.loads(client.get(SUSPENDED) or b"")
    assert {"signoff", "by", "since", "reason"} == set(held)
    queue_control.resume(servers, ANN)
    queue_control.pause(servers, ANN)
    assert not pausing.end(client, first)
    assert is_suspended(client)


def test_a_pause_that_ends_after_the_calendar_is_one_without_an_end(
    servers: DirectServers, client: redis.Redis
) -> None:
    """`rq suspend --duration` takes any number of seconds; no page may fail because of it."""
    suspend(client, ttl=10**13)
    found = queue_control.pause_of(servers)
    assert found is not None
    assert found.until is None
    assert paused_text(found) == "by somebody outside of Signoff (`rq suspend`)"
    queue_control.resume(servers, ANN)
    assert not is_suspended(client)
