"""Relay processes with a real outbox and a real queue: killed, cut off, and many at a time."""

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import psycopg
import pytest
import redis
from approvals import approvals_on
from letters import letters_in
from processes import KEYS, environment, eventually, exit_code, idle, process, worker
from reference import fold, read

from signoff_db.audit import audit
from signoff_db.connection import connect
from signoff_embedded import embedded_valkey
from signoff_embedded.ports import free_port
from signoff_producer import ApprovalEvent, Producer, outbox
from signoff_schemas import content_hash
from signoff_schemas.keys import SUSPENDED

if TYPE_CHECKING:
    from uuid import UUID

WAITING = "SELECT count(*) FROM signoff_outbox WHERE published_at IS NULL AND refused IS NULL"


class Deployment:
    """Both servers with an outbox, and functions to read their state."""

    def __init__(self, redis_url: str, database_url: str, folder: Path) -> None:
        self.redis_url = redis_url
        self.database_url = database_url
        self.log = folder / "relay.log"
        self.env = environment(redis_url, database_url)
        self.redis = redis.Redis.from_url(redis_url)
        self.database = connect(database_url)
        self.database.execute(outbox.SCHEMA)

    def add(self, events: Sequence[ApprovalEvent]) -> None:
        """Commit events to the outbox, one transaction for all."""
        with psycopg.connect(self.database_url) as connection:
            for event in events:
                outbox.add(connection, event)

    def relay(self, *options: object, **settings: Any) -> Any:
        """A relay process."""
        command = [sys.executable, "-m", "signoff_cli", "relay", *map(str, options)]
        given = {f"SIGNOFF_{name.upper()}": str(value) for name, value in settings.items()}
        return process(*command, env=self.env | given, log=self.log)

    def reconcile(self) -> None:
        """Run `signoff reconcile` to its end."""
        command = [sys.executable, "-m", "signoff_cli", "reconcile"]
        with process(*command, env=self.env, log=self.log) as running:
            assert exit_code(running, log=self.log) == 0, self.log.read_text("utf-8")

    def waiting(self) -> int:
        """The number of waiting events in the outbox."""
        row = self.database.execute(WAITING).fetchone()
        return int(row[0]) if row else 0

    def until_relayed(self) -> None:
        """Wait until nothing waits in the outbox."""
        eventually(
            lambda: self.waiting() == 0,
            what="the outbox is empty",
            log=self.log,
            saw=lambda: f"{self.waiting()} waiting",
        )

    def until_idle(self) -> None:
        """Wait until the queue is empty."""
        eventually(lambda: idle(self.redis), what="the queue is empty", log=self.log)

    def queued(self) -> list[str]:
        """The ids of the events on the queue, in order."""
        jobs = cast("list[bytes]", self.redis.lrange(KEYS.waiting, 0, -1))
        return [job.decode() for job in jobs]

    def close(self) -> None:
        """Close the connections."""
        self.redis.close()
        self.database.close()


@pytest.fixture
def deployment(redis_url: str, database_url: str, tmp_path: Path) -> Iterator[Deployment]:
    """Both servers, empty."""
    deployment = Deployment(redis_url, database_url, tmp_path)
    yield deployment
    deployment.close()


def some_events(count: int) -> list[ApprovalEvent]:
    """Events on a few interactions of a few users."""
    return approvals_on(50, 7, count=count)


@pytest.mark.parametrize("point", ["after claim", "after publish", "before commit"])
def test_a_relay_killed_at_any_point_loses_and_doubles_nothing(
    deployment: Deployment, point: str
) -> None:
    """It is killed between claim, publish and mark: the next relay moves the batch."""
    events = some_events(150)
    deployment.add(events)
    mortal = [sys.executable, "-m", "crashing_relay", point]
    with process(*mortal, env=deployment.env, log=deployment.log) as doomed:
        assert exit_code(doomed, log=deployment.log) == -signal.SIGKILL
    assert deployment.waiting() == 150
    with deployment.relay(), worker(deployment.env, deployment.log):
        deployment.until_relayed()
        deployment.until_idle()
    assert read(deployment.database) == fold(events)
    assert audit(deployment.database).differing == 0


def test_an_event_that_was_published_before_the_kill_is_applied_once(
    deployment: Deployment,
) -> None:
    """It is published again, since the mark was lost; the ledger finds the duplicate."""
    events = some_events(50)
    deployment.add(events)
    mortal = [sys.executable, "-m", "crashing_relay", "after publish"]
    with process(*mortal, env=deployment.env, log=deployment.log) as doomed:
        assert exit_code(doomed, log=deployment.log) == -signal.SIGKILL
    with worker(deployment.env, deployment.log):
        deployment.until_idle()
        assert (deployment.waiting(), read(deployment.database)) == (50, fold(events))
        with deployment.relay():
            deployment.until_relayed()
        deployment.until_idle()
    assert read(deployment.database) == fold(events)


def test_many_relays_share_the_work(deployment: Deployment) -> None:
    """Three relays put each event on the queue once."""
    events = some_events(3000)
    deployment.add(events)
    small = ("--batch-size", 50, "--burst")
    with (
        deployment.relay(*small) as one,
        deployment.relay(*small) as two,
        deployment.relay(*small) as three,
    ):
        assert [exit_code(relay, log=deployment.log) for relay in (one, two, three)] == [0, 0, 0]
    assert deployment.waiting() == 0
    assert sorted(deployment.queued()) == sorted(str(event.event_id) for event in events)


def test_the_oldest_are_moved_first(deployment: Deployment) -> None:
    """Events reach the queue in the order in which they were added."""
    events = some_events(5)
    for event in events:
        deployment.add([event])
    with deployment.relay("--burst") as relay:
        assert exit_code(relay, log=deployment.log) == 0
    assert deployment.queued() == [str(event.event_id) for event in events]


def test_a_relay_is_notified_by_a_commit(deployment: Deployment) -> None:
    """A relay that polls once an hour moves an event as soon as it is committed."""
    with deployment.relay("--poll", 3600):
        eventually(lambda: listens(deployment), what="the relay listens", log=deployment.log)
        deployment.add(some_events(1))
        deployment.until_relayed()


def listens(deployment: Deployment) -> bool:
    """Whether a relay listens and has nothing to do."""
    idle_relay = (
        "SELECT FROM pg_stat_activity WHERE application_name = 'signoff relay' AND state = 'idle'"
        " AND query LIKE '%min(due_at)%' AND datname = current_database()"
    )
    return deployment.database.execute(idle_relay).fetchone() is not None


def test_a_relay_without_notifications_polls(deployment: Deployment) -> None:
    """Without the trigger, or behind a pooler that drops notifications, polling finds events."""
    deployment.database.execute("ALTER TABLE signoff_outbox DISABLE TRIGGER signoff_outbox_notify")
    with deployment.relay("--poll", 0.1):
        eventually(lambda: listens(deployment), what="the relay listens", log=deployment.log)
        deployment.add(some_events(1))
        deployment.until_relayed()


def test_an_event_is_not_published_before_it_is_due(deployment: Deployment) -> None:
    """It holds back no other event; a relay that polls once an hour wakes up for it."""
    now, later, much_later = some_events(3)
    with deployment.relay("--poll", 3600):
        eventually(lambda: listens(deployment), what="the relay listens", log=deployment.log)
        with psycopg.connect(deployment.database_url) as connection:
            for event, due_in in ((much_later, "1 hour"), (later, "2 seconds"), (now, None)):
                outbox.add(connection, event)
                connection.execute(
                    "UPDATE signoff_outbox SET due_at = clock_timestamp() + %s::interval"
                    " WHERE event_id = %s",
                    [due_in, event.event_id],
                )
        eventually(lambda: deployment.waiting() == 1, what="two are moved", log=deployment.log)
    assert deployment.queued() == [str(now.event_id), str(later.event_id)]
    early = "SELECT FROM signoff_outbox WHERE published_at < due_at"
    assert deployment.database.execute(early).fetchone() is None


def test_sigterm_ends_a_relay(deployment: Deployment) -> None:
    """With exit code 0, also if it would have slept for an hour."""
    with deployment.relay("--poll", 3600) as relay:
        eventually(lambda: listens(deployment), what="the relay listens", log=deployment.log)
        relay.send_signal(signal.SIGTERM)
        assert exit_code(relay, log=deployment.log) == 0


def test_a_full_queue_is_waited_for(deployment: Deployment) -> None:
    """Events that find no room stay in the outbox until workers have made room."""
    events = some_events(60)
    deployment.add(events)
    with deployment.relay("--batch-size", 20, max_queue_length=10):
        eventually(
            lambda: len(deployment.queued()) == 10, what="the queue is full", log=deployment.log
        )
        with worker(deployment.env, deployment.log):
            deployment.until_relayed()
            deployment.until_idle()
    assert read(deployment.database) == fold(events)


def test_an_outage_of_redis_is_waited_for(deployment: Deployment, tmp_path: Path) -> None:
    """When Redis is back, the relay moves everything."""
    port = free_port()
    with embedded_valkey(tmp_path / "own", port=port, fsync=False) as url:
        pass
    deployment.add(some_events(10))
    with deployment.relay(redis_url=url):
        eventually(
            lambda: "did not take the events" in deployment.log.read_text("utf-8"),
            what="it noticed",
        )
        with embedded_valkey(tmp_path / "own", port=port, fsync=False):
            deployment.until_relayed()


def test_a_lost_connection_to_the_outbox_is_replaced(deployment: Deployment) -> None:
    """After all its connections were terminated, the relay goes on."""
    kill = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'signoff relay' AND datname = current_database()"
    )
    with deployment.relay("--poll", 0.1):
        eventually(lambda: listens(deployment), what="the relay listens", log=deployment.log)
        assert deployment.database.execute(kill).fetchall()
        deployment.add(some_events(3))
        deployment.until_relayed()


def test_a_refused_event_delays_no_other_event(deployment: Deployment) -> None:
    """A conflict and an invalid event stay in the outbox with the reason; the others are moved."""
    good, taken, broken = some_events(3)
    other = taken.model_copy(update={"quality_score": 1})
    assert Producer(connection=deployment.redis).publish(other).ok
    text = broken.canonical_json().replace(b'"quality_score":4', b'"quality_score":9').decode()
    deployment.add([taken])
    deployment.database.execute("INSERT INTO signoff_outbox (event) VALUES (%s)", [text])
    deployment.add([good])

    with deployment.relay("--burst") as relay:
        assert exit_code(relay, log=deployment.log) == 1

    refused = "SELECT event_id, refused FROM signoff_outbox WHERE refused IS NOT NULL"
    reasons: dict[UUID, str] = dict(deployment.database.execute(refused).fetchall())
    assert reasons.keys() == {taken.event_id, broken.event_id}
    assert "other content" in reasons[taken.event_id]
    assert "quality_score must be at most 5" in reasons[broken.event_id]
    assert deployment.queued() == [str(taken.event_id), str(good.event_id)]


def test_a_wrong_hash_ends_as_a_dead_letter(deployment: Deployment) -> None:
    """The relay does not validate the invalid event, but workers do."""
    good, broken = some_events(2)
    text = broken.canonical_json().replace(b'"quality_score":4', b'"quality_score":9')
    insert = "INSERT INTO signoff_outbox (event, validated_hash) VALUES (%s, %s)"
    deployment.database.execute(insert, [text.decode(), content_hash(text)])
    deployment.add([good])

    with deployment.relay("--burst") as relay, worker(deployment.env, deployment.log):
        assert exit_code(relay, log=deployment.log) == 0
        deployment.until_idle()

    (letter,) = letters_in(deployment.database)
    assert (letter.event_id, letter.kind) == (broken.event_id, "invalid_payload")
    assert read(deployment.database) == fold([good])


def test_an_outbox_of_an_earlier_release_loses_nothing(deployment: Deployment) -> None:
    """A relay says what to do, and moves all events when that is done."""
    events = some_events(3)
    deployment.add(events)
    deployment.database.execute("ALTER TABLE signoff_outbox DROP COLUMN validated_hash")
    with deployment.relay() as relay:
        assert exit_code(relay, log=deployment.log) == 2
    assert "`signoff outbox create`" in deployment.log.read_text("utf-8")
    create = [sys.executable, "-m", "signoff_cli", "outbox", "create"]
    with process(*create, env=deployment.env, log=deployment.log) as creating:
        assert exit_code(creating, log=deployment.log) == 0
    with deployment.relay("--burst") as relay:
        assert exit_code(relay, log=deployment.log) == 0
    assert sorted(deployment.queued()) == sorted(str(event.event_id) for event in events)


def test_a_redis_that_lost_everything_under_load_loses_no_event(deployment: Deployment) -> None:
    """FLUSHALL several times while events are added, relayed and applied; then reconcile."""
    events = some_events(2000)
    with (
        deployment.relay("--batch-size", 100),
        deployment.relay("--batch-size", 100),
        worker(deployment.env, deployment.log),
        worker(deployment.env, deployment.log),
    ):
        for first in range(0, len(events), 400):
            # Until Redis is emptied of it: some events wait there, so that they are lost.
            deployment.redis.set(SUSPENDED, 1)
            part = events[first : first + 400]
            adding = threading.Thread(target=add_in_pieces, args=(deployment, part))
            adding.start()
            eventually(lambda: deployment.redis.llen(KEYS.waiting) > 0,
                       what="events wait in Redis", log=deployment.log)  # fmt: skip
            deployment.redis.flushall()
            adding.join()
        deployment.until_relayed()
        deployment.redis.flushall()
        assert read(deployment.database) != fold(events)
        deployment.reconcile()
        deployment.until_idle()
    assert read(deployment.database) == fold(events)
    assert audit(deployment.database).differing == 0
    assert letters_in(deployment.database) == []


def add_in_pieces(deployment: Deployment, events: Sequence[ApprovalEvent]) -> None:
    """Commit a few events at a time."""
    for first in range(0, len(events), 20):
        deployment.add(events[first : first + 20])
