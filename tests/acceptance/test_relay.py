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

if TYPE_CHECKING:
    from uuid import UUID

WAITING = "SELECT count(*) FROM signoff_outbox WHERE published_at IS NULL AND refused IS NULL"


class Stage:
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
def stage(redis_url: str, database_url: str, tmp_path: Path) -> Iterator[Stage]:
    """Both servers, empty."""
    stage = Stage(redis_url, database_url, tmp_path)
    yield stage
    stage.close()


def some_events(count: int) -> list[ApprovalEvent]:
    """Events on a few interactions of a few users."""
    return approvals_on(50, 7, count=count)


@pytest.mark.parametrize("point", ["after claim", "after publish", "before commit"])
def test_a_relay_killed_at_any_point_loses_and_doubles_nothing(stage: Stage, point: str) -> None:
    """It is killed between claim, publish and mark: the next relay moves the batch."""
    events = some_events(150)
    stage.add(events)
    mortal = [sys.executable, "-m", "mortal_relay", point]
    with process(*mortal, env=stage.env, log=stage.log) as doomed:
        assert exit_code(doomed, log=stage.log) == -signal.SIGKILL
    assert stage.waiting() == 150
    with stage.relay(), worker(stage.env, stage.log):
        stage.until_relayed()
        stage.until_idle()
    assert read(stage.database) == fold(events)
    assert audit(stage.database).differing == 0


def test_an_event_that_was_published_before_the_kill_is_applied_once(stage: Stage) -> None:
    """It is published again, since the mark was lost; the ledger finds the duplicate."""
    events = some_events(50)
    stage.add(events)
    mortal = [sys.executable, "-m", "mortal_relay", "after publish"]
    with process(*mortal, env=stage.env, log=stage.log) as doomed:
        assert exit_code(doomed, log=stage.log) == -signal.SIGKILL
    with worker(stage.env, stage.log):
        stage.until_idle()
        assert (stage.waiting(), read(stage.database)) == (50, fold(events))
        with stage.relay():
            stage.until_relayed()
        stage.until_idle()
    assert read(stage.database) == fold(events)


def test_many_relays_share_the_work(stage: Stage) -> None:
    """Three relays put each event on the queue once."""
    events = some_events(3000)
    stage.add(events)
    small = ("--batch-size", 50, "--burst")
    with stage.relay(*small) as one, stage.relay(*small) as two, stage.relay(*small) as three:
        assert [exit_code(relay, log=stage.log) for relay in (one, two, three)] == [0, 0, 0]
    assert stage.waiting() == 0
    assert sorted(stage.queued()) == sorted(str(event.event_id) for event in events)


def test_the_oldest_are_moved_first(stage: Stage) -> None:
    """Events reach the queue in the order in which they were added."""
    events = some_events(5)
    for event in events:
        stage.add([event])
    with stage.relay("--burst") as relay:
        assert exit_code(relay, log=stage.log) == 0
    assert stage.queued() == [str(event.event_id) for event in events]


def test_a_relay_is_notified_by_a_commit(stage: Stage) -> None:
    """A relay that polls once an hour moves an event as soon as it is committed."""
    with stage.relay("--poll", 3600):
        eventually(lambda: listens(stage), what="the relay listens", log=stage.log)
        stage.add(some_events(1))
        stage.until_relayed()


def listens(stage: Stage) -> bool:
    """Whether a relay listens and has nothing to do."""
    idle_relay = (
        "SELECT FROM pg_stat_activity WHERE application_name = 'signoff relay' AND state = 'idle'"
        " AND query = 'COMMIT' AND datname = current_database()"
    )
    return stage.database.execute(idle_relay).fetchone() is not None


def test_a_relay_without_notifications_polls(stage: Stage) -> None:
    """Without the trigger, or behind a pooler that drops notifications, polling finds events."""
    stage.database.execute("ALTER TABLE signoff_outbox DISABLE TRIGGER signoff_outbox_notify")
    with stage.relay("--poll", 0.1):
        eventually(lambda: listens(stage), what="the relay listens", log=stage.log)
        stage.add(some_events(1))
        stage.until_relayed()


def test_sigterm_ends_a_relay(stage: Stage) -> None:
    """With exit code 0, also if it would have slept for an hour."""
    with stage.relay("--poll", 3600) as relay:
        eventually(lambda: listens(stage), what="the relay listens", log=stage.log)
        relay.send_signal(signal.SIGTERM)
        assert exit_code(relay, log=stage.log) == 0


def test_a_full_queue_is_waited_for(stage: Stage) -> None:
    """Events that find no room stay in the outbox until workers have made room."""
    events = some_events(60)
    stage.add(events)
    with stage.relay("--batch-size", 20, max_queue_length=10):
        eventually(lambda: len(stage.queued()) == 10, what="the queue is full", log=stage.log)
        with worker(stage.env, stage.log):
            stage.until_relayed()
            stage.until_idle()
    assert read(stage.database) == fold(events)


def test_an_outage_of_redis_is_waited_for(stage: Stage, tmp_path: Path) -> None:
    """When Redis is back, the relay moves everything."""
    port = free_port()
    with embedded_valkey(tmp_path / "own", port=port, fsync=False) as url:
        pass
    stage.add(some_events(10))
    with stage.relay(redis_url=url):
        eventually(
            lambda: "did not take the events" in stage.log.read_text("utf-8"), what="it noticed"
        )
        with embedded_valkey(tmp_path / "own", port=port, fsync=False):
            stage.until_relayed()


def test_a_lost_connection_to_the_outbox_is_replaced(stage: Stage) -> None:
    """After all its connections were terminated, the relay goes on."""
    kill = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'signoff relay' AND datname = current_database()"
    )
    with stage.relay("--poll", 0.1):
        eventually(lambda: listens(stage), what="the relay listens", log=stage.log)
        assert stage.database.execute(kill).fetchall()
        stage.add(some_events(3))
        stage.until_relayed()


def test_a_refused_event_delays_no_other_event(stage: Stage) -> None:
    """A conflict and an invalid event stay in the outbox with the reason; the others are moved."""
    good, taken, broken = some_events(3)
    other = taken.model_copy(update={"quality_score": 1})
    assert Producer(connection=stage.redis).publish(other).ok
    text = broken.canonical_json().replace(b'"quality_score":4', b'"quality_score":9').decode()
    stage.add([taken])
    stage.database.execute("INSERT INTO signoff_outbox (event) VALUES (%s)", [text])
    stage.add([good])

    with stage.relay("--burst") as relay:
        assert exit_code(relay, log=stage.log) == 1

    refused = "SELECT event_id, refused FROM signoff_outbox WHERE refused IS NOT NULL"
    reasons: dict[UUID, str] = dict(stage.database.execute(refused).fetchall())
    assert reasons.keys() == {taken.event_id, broken.event_id}
    assert "other content" in reasons[taken.event_id]
    assert "quality_score must be at most 5" in reasons[broken.event_id]
    assert stage.queued() == [str(taken.event_id), str(good.event_id)]


def test_a_wrong_hash_ends_as_a_dead_letter(stage: Stage) -> None:
    """The relay does not validate the invalid event, but workers do."""
    good, broken = some_events(2)
    text = broken.canonical_json().replace(b'"quality_score":4', b'"quality_score":9')
    insert = "INSERT INTO signoff_outbox (event, validated_hash) VALUES (%s, %s)"
    stage.database.execute(insert, [text.decode(), content_hash(text)])
    stage.add([good])

    with stage.relay("--burst") as relay, worker(stage.env, stage.log):
        assert exit_code(relay, log=stage.log) == 0
        stage.until_idle()

    (letter,) = letters_in(stage.database)
    assert (letter.event_id, letter.kind) == (broken.event_id, "invalid_payload")
    assert read(stage.database) == fold([good])


def test_an_outbox_of_an_earlier_release_loses_nothing(stage: Stage) -> None:
    """A relay says what to do, and moves all events when that is done."""
    events = some_events(3)
    stage.add(events)
    stage.database.execute("ALTER TABLE signoff_outbox DROP COLUMN validated_hash")
    with stage.relay() as relay:
        assert exit_code(relay, log=stage.log) == 2
    assert "`signoff outbox create`" in stage.log.read_text("utf-8")
    create = [sys.executable, "-m", "signoff_cli", "outbox", "create"]
    with process(*create, env=stage.env, log=stage.log) as creating:
        assert exit_code(creating, log=stage.log) == 0
    with stage.relay("--burst") as relay:
        assert exit_code(relay, log=stage.log) == 0
    assert sorted(stage.queued()) == sorted(str(event.event_id) for event in events)


def test_a_redis_that_lost_everything_under_load_loses_no_event(stage: Stage) -> None:
    """FLUSHALL several times while events are added, relayed and applied; then reconcile."""
    events = some_events(6000)
    flushes = 0
    with (
        stage.relay("--batch-size", 100),
        stage.relay("--batch-size", 100),
        worker(stage.env, stage.log),
        worker(stage.env, stage.log),
    ):
        adding = threading.Thread(target=add_in_pieces, args=(stage, events))
        adding.start()
        while adding.is_alive():
            eventually(lambda: stage.redis.llen(KEYS.waiting) > 0 or not adding.is_alive(),
                       what="events wait in Redis", log=stage.log)  # fmt: skip
            stage.redis.flushall()
            flushes += 1
        adding.join()
        stage.until_relayed()
        stage.redis.flushall()
        assert read(stage.database) != fold(events)
        stage.reconcile()
        stage.until_idle()
    assert flushes > 1
    assert read(stage.database) == fold(events)
    assert audit(stage.database).differing == 0
    assert letters_in(stage.database) == []


def add_in_pieces(stage: Stage, events: Sequence[ApprovalEvent]) -> None:
    """Commit a few events at a time."""
    for first in range(0, len(events), 20):
        stage.add(events[first : first + 20])
