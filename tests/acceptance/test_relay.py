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


class Testbed:
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
def testbed(redis_url: str, database_url: str, tmp_path: Path) -> Iterator[Testbed]:
    """Both servers, empty."""
    testbed = Testbed(redis_url, database_url, tmp_path)
    yield testbed
    testbed.close()


def some_events(count: int) -> list[ApprovalEvent]:
    """Events on a few interactions of a few users."""
    return approvals_on(50, 7, count=count)


@pytest.mark.parametrize("point", ["after claim", "after publish", "before commit"])
def test_a_relay_killed_at_any_point_loses_and_doubles_nothing(
    testbed: Testbed, point: str
) -> None:
    """It is killed between claim, publish and mark: the next relay moves the batch."""
    events = some_events(150)
    testbed.add(events)
    mortal = [sys.executable, "-m", "crashing_relay", point]
    with process(*mortal, env=testbed.env, log=testbed.log) as doomed:
        assert exit_code(doomed, log=testbed.log) == -signal.SIGKILL
    assert testbed.waiting() == 150
    with testbed.relay(), worker(testbed.env, testbed.log):
        testbed.until_relayed()
        testbed.until_idle()
    assert read(testbed.database) == fold(events)
    assert audit(testbed.database).differing == 0


def test_an_event_that_was_published_before_the_kill_is_applied_once(testbed: Testbed) -> None:
    """It is published again, since the mark was lost; the ledger finds the duplicate."""
    events = some_events(50)
    testbed.add(events)
    mortal = [sys.executable, "-m", "crashing_relay", "after publish"]
    with process(*mortal, env=testbed.env, log=testbed.log) as doomed:
        assert exit_code(doomed, log=testbed.log) == -signal.SIGKILL
    with worker(testbed.env, testbed.log):
        testbed.until_idle()
        assert (testbed.waiting(), read(testbed.database)) == (50, fold(events))
        with testbed.relay():
            testbed.until_relayed()
        testbed.until_idle()
    assert read(testbed.database) == fold(events)


def test_many_relays_share_the_work(testbed: Testbed) -> None:
    """Three relays put each event on the queue once."""
    events = some_events(3000)
    testbed.add(events)
    small = ("--batch-size", 50, "--burst")
    with testbed.relay(*small) as one, testbed.relay(*small) as two, testbed.relay(*small) as three:
        assert [exit_code(relay, log=testbed.log) for relay in (one, two, three)] == [0, 0, 0]
    assert testbed.waiting() == 0
    assert sorted(testbed.queued()) == sorted(str(event.event_id) for event in events)


def test_the_oldest_are_moved_first(testbed: Testbed) -> None:
    """Events reach the queue in the order in which they were added."""
    events = some_events(5)
    for event in events:
        testbed.add([event])
    with testbed.relay("--burst") as relay:
        assert exit_code(relay, log=testbed.log) == 0
    assert testbed.queued() == [str(event.event_id) for event in events]


def test_a_relay_is_notified_by_a_commit(testbed: Testbed) -> None:
    """A relay that polls once an hour moves an event as soon as it is committed."""
    with testbed.relay("--poll", 3600):
        eventually(lambda: listens(testbed), what="the relay listens", log=testbed.log)
        testbed.add(some_events(1))
        testbed.until_relayed()


def listens(testbed: Testbed) -> bool:
    """Whether a relay listens and has nothing to do."""
    idle_relay = (
        "SELECT FROM pg_stat_activity WHERE application_name = 'signoff relay' AND state = 'idle'"
        " AND query = 'COMMIT' AND datname = current_database()"
    )
    return testbed.database.execute(idle_relay).fetchone() is not None


def test_a_relay_without_notifications_polls(testbed: Testbed) -> None:
    """Without the trigger, or behind a pooler that drops notifications, polling finds events."""
    testbed.database.execute("ALTER TABLE signoff_outbox DISABLE TRIGGER signoff_outbox_notify")
    with testbed.relay("--poll", 0.1):
        eventually(lambda: listens(testbed), what="the relay listens", log=testbed.log)
        testbed.add(some_events(1))
        testbed.until_relayed()


def test_sigterm_ends_a_relay(testbed: Testbed) -> None:
    """With exit code 0, also if it would have slept for an hour."""
    with testbed.relay("--poll", 3600) as relay:
        eventually(lambda: listens(testbed), what="the relay listens", log=testbed.log)
        relay.send_signal(signal.SIGTERM)
        assert exit_code(relay, log=testbed.log) == 0


def test_a_full_queue_is_waited_for(testbed: Testbed) -> None:
    """Events that find no room stay in the outbox until workers have made room."""
    events = some_events(60)
    testbed.add(events)
    with testbed.relay("--batch-size", 20, max_queue_length=10):
        eventually(lambda: len(testbed.queued()) == 10, what="the queue is full", log=testbed.log)
        with worker(testbed.env, testbed.log):
            testbed.until_relayed()
            testbed.until_idle()
    assert read(testbed.database) == fold(events)


def test_an_outage_of_redis_is_waited_for(testbed: Testbed, tmp_path: Path) -> None:
    """When Redis is back, the relay moves everything."""
    port = free_port()
    with embedded_valkey(tmp_path / "own", port=port, fsync=False) as url:
        pass
    testbed.add(some_events(10))
    with testbed.relay(redis_url=url):
        eventually(
            lambda: "did not take the events" in testbed.log.read_text("utf-8"), what="it noticed"
        )
        with embedded_valkey(tmp_path / "own", port=port, fsync=False):
            testbed.until_relayed()


def test_a_lost_connection_to_the_outbox_is_replaced(testbed: Testbed) -> None:
    """After all its connections were terminated, the relay goes on."""
    kill = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'signoff relay' AND datname = current_database()"
    )
    with testbed.relay("--poll", 0.1):
        eventually(lambda: listens(testbed), what="the relay listens", log=testbed.log)
        assert testbed.database.execute(kill).fetchall()
        testbed.add(some_events(3))
        testbed.until_relayed()


def test_a_refused_event_delays_no_other_event(testbed: Testbed) -> None:
    """A conflict and an invalid event stay in the outbox with the reason; the others are moved."""
    good, taken, broken = some_events(3)
    other = taken.model_copy(update={"quality_score": 1})
    assert Producer(connection=testbed.redis).publish(other).ok
    text = broken.canonical_json().replace(b'"quality_score":4', b'"quality_score":9').decode()
    testbed.add([taken])
    testbed.database.execute("INSERT INTO signoff_outbox (event) VALUES (%s)", [text])
    testbed.add([good])

    with testbed.relay("--burst") as relay:
        assert exit_code(relay, log=testbed.log) == 1

    refused = "SELECT event_id, refused FROM signoff_outbox WHERE refused IS NOT NULL"
    reasons: dict[UUID, str] = dict(testbed.database.execute(refused).fetchall())
    assert reasons.keys() == {taken.event_id, broken.event_id}
    assert "other content" in reasons[taken.event_id]
    assert "quality_score must be at most 5" in reasons[broken.event_id]
    assert testbed.queued() == [str(taken.event_id), str(good.event_id)]


def test_a_wrong_hash_ends_as_a_dead_letter(testbed: Testbed) -> None:
    """The relay does not validate the invalid event, but workers do."""
    good, broken = some_events(2)
    text = broken.canonical_json().replace(b'"quality_score":4', b'"quality_score":9')
    insert = "INSERT INTO signoff_outbox (event, validated_hash) VALUES (%s, %s)"
    testbed.database.execute(insert, [text.decode(), content_hash(text)])
    testbed.add([good])

    with testbed.relay("--burst") as relay, worker(testbed.env, testbed.log):
        assert exit_code(relay, log=testbed.log) == 0
        testbed.until_idle()

    (letter,) = letters_in(testbed.database)
    assert (letter.event_id, letter.kind) == (broken.event_id, "invalid_payload")
    assert read(testbed.database) == fold([good])


def test_an_outbox_of_an_earlier_release_loses_nothing(testbed: Testbed) -> None:
    """A relay says what to do, and moves all events when that is done."""
    events = some_events(3)
    testbed.add(events)
    testbed.database.execute("ALTER TABLE signoff_outbox DROP COLUMN validated_hash")
    with testbed.relay() as relay:
        assert exit_code(relay, log=testbed.log) == 2
    assert "`signoff outbox create`" in testbed.log.read_text("utf-8")
    create = [sys.executable, "-m", "signoff_cli", "outbox", "create"]
    with process(*create, env=testbed.env, log=testbed.log) as creating:
        assert exit_code(creating, log=testbed.log) == 0
    with testbed.relay("--burst") as relay:
        assert exit_code(relay, log=testbed.log) == 0
    assert sorted(testbed.queued()) == sorted(str(event.event_id) for event in events)


def test_a_redis_that_lost_everything_under_load_loses_no_event(testbed: Testbed) -> None:
    """FLUSHALL several times while events are added, relayed and applied; then reconcile."""
    events = some_events(6000)
    flushes = 0
    with (
        testbed.relay("--batch-size", 100),
        testbed.relay("--batch-size", 100),
        worker(testbed.env, testbed.log),
        worker(testbed.env, testbed.log),
    ):
        adding = threading.Thread(target=add_in_pieces, args=(testbed, events))
        adding.start()
        while adding.is_alive():
            eventually(lambda: testbed.redis.llen(KEYS.waiting) > 0 or not adding.is_alive(),
                       what="events wait in Redis", log=testbed.log)  # fmt: skip
            testbed.redis.flushall()
            flushes += 1
        adding.join()
        testbed.until_relayed()
        testbed.redis.flushall()
        assert read(testbed.database) != fold(events)
        testbed.reconcile()
        testbed.until_idle()
    assert flushes > 1
    assert read(testbed.database) == fold(events)
    assert audit(testbed.database).differing == 0
    assert letters_in(testbed.database) == []


def add_in_pieces(testbed: Testbed, events: Sequence[ApprovalEvent]) -> None:
    """Commit a few events at a time."""
    for first in range(0, len(events), 20):
        testbed.add(events[first : first + 20])
