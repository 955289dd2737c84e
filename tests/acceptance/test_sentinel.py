"""Publishers and workers follow the primary of a real Sentinel set."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from approvals import mapping
from command_line import Signoff
from processes import DEADLINE, environment, eventually, process, worker
from redis.exceptions import ResponseError
from rq.suspension import is_suspended, suspend
from valkeys import QUICK_SENTINEL, Valkey, valkey

from signoff_producer import AsyncProducer, Producer, QueueUnavailableError
from signoff_producer.options import Options
from signoff_producer.retries import Retries
from signoff_schemas import redis_client

SECRET = "s3cr3t"
AUTH = [f"requirepass {SECRET}", f"masterauth {SECRET}"]
RIDES_OUT: Options = {"publish_retries": 30, "redis_timeout": 2}


@dataclass
class Set:
    """Three Sentinels, their primary and its replica."""

    url: str
    primary: Valkey
    sentinels: list[Any]
    """Clients of them."""

    def harm_primary(self, how: signal.Signals) -> None:
        """Send it a signal after which it is silent; from then on the Sentinels notice that soon.

        Before, a moment in which a busy machine does not run it is no failure.
        """
        self.primary.process.send_signal(how)
        for client in self.sentinels:
            client.sentinel_set("approvals", "down-after-milliseconds", 500)


@pytest.fixture
def sentinels(tmp_path: Path) -> Iterator[Set]:
    """A set of this test, whose primary may come to harm."""
    with _sentinels(tmp_path) as one:
        yield one


@pytest.fixture(scope="module")
def whole_sentinels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Set]:
    """A set that several tests use, and leave whole."""
    with _sentinels(tmp_path_factory.mktemp("sentinels")) as one:
        yield one


@contextmanager
def _sentinels(folder: Path) -> Iterator[Set]:
    """A set whose replica has caught up."""
    with ExitStack() as stack:

        def start(name: str, *lines: str, sentinel: bool = False) -> Valkey:
            return stack.enter_context(valkey(folder / name, *lines, sentinel=sentinel))

        primary = start("primary", *AUTH, "repl-diskless-sync-delay 0")
        follows = f"replicaof 127.0.0.1 {primary.port}"
        replica = start("replica", *AUTH, follows, "repl-diskless-load on-empty-db")
        with redis_client(f"redis://:{SECRET}@127.0.0.1:{replica.port}") as client:
            eventually(partial(_has_caught_up, client), what="the replica has caught up")
        lines = [
            f"sentinel monitor approvals 127.0.0.1 {primary.port} 2",
            f"sentinel auth-pass approvals {SECRET}",
            "sentinel down-after-milliseconds approvals 600000",
            "sentinel failover-timeout approvals 3000",
        ]
        servers = [start(f"sentinel-{number}", *lines, sentinel=True) for number in range(3)]
        clients = [
            stack.enter_context(redis_client(f"redis://127.0.0.1:{server.port}"))
            for server in servers
        ]
        for client in clients:  # all of them before one is waited for
            with suppress(ResponseError):  # Redis 6.2 has no such command
                client.execute_command("SENTINEL DEBUG", *QUICK_SENTINEL)
        for client in clients:
            eventually(partial(_complete, client), what="the Sentinels know each other")
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
        yield Set(f"redis+sentinel://:{SECRET}@{hosts}/approvals/0", primary, clients)


def _has_caught_up(client: Any) -> bool:
    return bool(client.info("replication")["master_link_status"] == "up")


def _complete(client: Any) -> bool:
    state = client.sentinel_master("approvals")
    return bool(state["num-other-sentinels"] == 2 and state["num-slaves"] == 1)


def test_publishers_continue_after_a_failover(sentinels: Set) -> None:
    """The primary is killed; all events, from before and after, are on the new primary."""
    events = [mapping() for _ in range(4)]
    with Producer(sentinels.url, wait_replicas=1, wait_timeout=DEADLINE) as producer:
        assert producer.publish(events[0]).answer == "accepted"

    with Producer(sentinels.url, **RIDES_OUT) as producer:
        assert producer.publish(events[0]).answer == "duplicate"
        sentinels.harm_primary(signal.SIGKILL)

        assert producer.publish(events[1]).answer == "accepted"

    async def awaited() -> list[str]:
        async with AsyncProducer(sentinels.url, **RIDES_OUT) as producer:
            receipts = [await producer.publish(event) for event in events[2:]]
        return [receipt.answer.value for receipt in receipts]

    assert asyncio.run(awaited()) == ["accepted", "accepted"]
    with redis_client(sentinels.url) as client:
        assert client.llen("rq:queue:approvals") == 4


def test_a_connection_to_a_former_primary_is_not_used_again(sentinels: Set) -> None:
    """The connection is still open, and the paused server still believes to be the primary."""
    with Producer(sentinels.url, **RIDES_OUT) as producer:
        producer.publish(mapping())
        connections = producer._connections
        assert connections
        of_a_slow_thread = connections.take()
        sentinels.harm_primary(signal.SIGSTOP)
        producer.publish(mapping())
        connections.release(of_a_slow_thread, clean=True)
        producer._core._retries = Retries(0)
        last = mapping()

        assert producer.publish(last).answer == "accepted"

    with redis_client(sentinels.url) as client:
        assert client.lpos("rq:queue:approvals", str(last["event_id"])) is not None


@pytest.mark.parametrize("pool", [False, True], ids=["one worker", "a pool"])
def test_workers_follow_a_failover(
    sentinels: Set, database_url: str, tmp_path: Path, *, pool: bool
) -> None:
    """A worker of the old primary applies events that are published to the new one."""
    env = environment(sentinels.url, database_url)
    log = tmp_path / "worker.log"
    command = [sys.executable, "-m", "signoff_cli", "worker", "--processes", "1"]
    working = process(*command, env=env, log=log) if pool else worker(env, log)
    with working, Producer(sentinels.url, **RIDES_OUT) as producer:
        producer.publish(mapping())
        eventually(lambda: _applied(database_url) == 1, what="it is applied", log=log)
        sentinels.harm_primary(signal.SIGKILL)

        producer.publish(mapping())

        eventually(lambda: _applied(database_url) == 2, what="it is applied too", log=log)


def _applied(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM approvals").fetchone()
    return int(row[0]) if row else 0


def test_commands_take_the_url(whole_sentinels: Set, signoff: Signoff) -> None:
    """`signoff status` reads the primary; no command shows the password."""
    with Producer(whole_sentinels.url) as producer:
        producer.publish(mapping())

    assert signoff.having(SIGNOFF_REDIS_URL=whole_sentinels.url).json("status")["waiting"] == 1


def test_a_pause_is_ended_through_the_sentinels(whole_sentinels: Set, signoff: Signoff) -> None:
    """RQ's own tools do not support Sentinels; the command that the doctor names does."""
    with redis_client(whole_sentinels.url) as client:
        suspend(client)

        of_set = signoff.having(SIGNOFF_REDIS_URL=whole_sentinels.url)
        checks = of_set.json("doctor", expect=1)
        (printed,) = (check["text"] for check in checks if check["name"] == "Workers paused")
        assert "signoff queue resume --reason" in printed
        of_set("queue", "resume", "--reason", "done")

        assert not is_suspended(client)


def test_an_unknown_service_is_named(whole_sentinels: Set) -> None:
    """The message does not show the password."""
    wrong = whole_sentinels.url.replace("/approvals/", "/aprovals/")

    with (
        Producer(wrong, publish_retries=0) as producer,
        pytest.raises(QueueUnavailableError, match="the primary of 'aprovals'") as caught,
    ):
        producer.publish(mapping())

    assert SECRET not in str(caught.value)
