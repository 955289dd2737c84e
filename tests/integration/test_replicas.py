"""Publishing that waits for replicas: a real primary and a real replica."""

import pickle
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from approvals import mapping
from processes import eventually
from publishers import publishing
from valkeys import Valkey, valkey

from signoff_producer import ReplicasBehindError


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[Valkey]:
    """A Valkey that can have replicas."""
    with valkey(tmp_path / "primary", "repl-diskless-sync-delay 0") as server:
        yield server


@pytest.fixture
def replica(tmp_path: Path, primary: Valkey) -> Iterator[Valkey]:
    """A replica that has caught up."""
    with valkey(tmp_path / "replica", f"replicaof 127.0.0.1 {primary.port}") as server:
        with redis.Redis.from_url(primary.url) as client:
            eventually(lambda: client.wait(1, 1) == 1, what="the replica has caught up")
        yield server
        server.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_event_is_on_the_replica_when_its_publish_returns(
    kind: str, primary: Valkey, replica: Valkey
) -> None:
    """For one event, for many, and after Redis has lost the script."""
    with (
        publishing(kind, primary.url, wait_replicas=1, wait_timeout=60) as publisher,
        redis.Redis.from_url(primary.url) as client,
        redis.Redis.from_url(replica.url) as copy,
    ):
        assert publisher.publish(mapping()).answer == "accepted"
        assert copy.llen("rq:queue:approvals") == 1
        publisher.publish_many([mapping() for _ in range(3)])
        assert copy.llen("rq:queue:approvals") == 4
        client.script_flush()
        assert publisher.publish(mapping()).answer == "accepted"
        assert copy.llen("rq:queue:approvals") == 5


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_too_few_replicas_is_an_error_until_they_have_caught_up(
    kind: str, primary: Valkey, replica: Valkey
) -> None:
    """A duplicate waits for the replicas too, also on another connection."""
    event = mapping()
    replica.process.send_signal(signal.SIGSTOP)

    for _ in range(2):
        with (
            publishing(kind, primary.url, wait_replicas=1, wait_timeout=0.1) as publisher,
            pytest.raises(ReplicasBehindError, match="0 of the 1 replicas") as caught,
        ):
            publisher.publish(event)
        assert (caught.value.acknowledged, caught.value.wanted) == (0, 1)

    replica.process.send_signal(signal.SIGCONT)
    with publishing(kind, primary.url, wait_replicas=1, wait_timeout=60) as publisher:
        assert publisher.publish(event).answer == "duplicate"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_connection_is_good_after_an_error(kind: str, primary: Valkey, replica: Valkey) -> None:
    """A late answer is not taken as the answer to the next publish."""
    del replica
    with (
        publishing(kind, primary.url, wait_replicas=1, wait_timeout=60) as publisher,
        redis.Redis.from_url(primary.url) as client,
    ):
        publisher.publish(mapping())
        client.rename("rq:queue:approvals", "aside")
        client.set("rq:queue:approvals", "not a list")
        with pytest.raises(Exception, match="WRONGTYPE"):
            publisher.publish(mapping())
        client.delete("rq:queue:approvals")

        assert publisher.publish(mapping()).answer == "accepted"


def test_the_error_can_be_pickled() -> None:
    """As process pools do."""
    copy = pickle.loads(pickle.dumps(ReplicasBehindError(1, 2, 0.5)))  # noqa: S301 -- our own bytes

    assert (copy.acknowledged, copy.wanted, copy.timeout) == (1, 2, 0.5)
