"""A relay's lane finds its batches, with a real outbox and a real queue."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

import psycopg
import pytest
import redis
from approvals import approval
from blocking import await_blocked
from processes import DEADLINE, eventually

from signoff_db.connection import connect
from signoff_producer import Producer, QueueFull, QueueUnavailableError, outbox
from signoff_relay.delivery import Delivery
from signoff_relay.lane import Lane
from signoff_relay.relaying import Relay
from signoff_relay.table import OutboxError, OutboxTable, Waiting
from signoff_schemas import ApprovalEvent, SettingsError, content_hash, decode_job, encode_job
from signoff_schemas.keys import JOB_PREFIX, QueueKeys

if TYPE_CHECKING:
    from psycopg.rows import TupleRow

KEYS = QueueKeys("approvals")


@pytest.fixture
def url(empty_database_url: str) -> str:
    """The database of an upstream."""
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(outbox.SCHEMA)
    return empty_database_url


@pytest.fixture
def lane(url: str, client: redis.Redis) -> Iterator[Lane]:
    """A lane whose batch holds two events, and which listens."""
    lane = Lane(url, Producer(connection=client), most=2, listening=True)
    yield lane
    lane.drop()


def add(url: str, count: int = 1) -> list[UUID]:
    """Commit events to the outbox, each in a separate transaction."""
    events = [approval(n) for n in range(count)]
    for event in events:
        with psycopg.connect(url) as connection:
            outbox.add(connection, event)
    return [event.event_id for event in events]


def queued(client: redis.Redis) -> list[UUID]:
    """The ids of the events on the queue, in order."""
    jobs = cast("list[bytes]", client.lrange(KEYS.waiting, 0, -1))
    return [UUID(job.decode()) for job in jobs]


def test_a_lane_continues_behind_its_last_batch(url: str, client: redis.Redis, lane: Lane) -> None:
    """It takes batches, the oldest events first, until one is not full."""
    added = add(url, 5)
    assert [lane.move() for _ in range(4)] == [2, 2, 1, 0]
    assert queued(client) == added


def test_an_event_that_is_committed_late_is_moved_too(
    url: str, client: redis.Redis, lane: Lane
) -> None:
    """A long transaction adds its event before the position of a lane."""
    late = approval()
    with psycopg.connect(url) as slow:
        outbox.add(slow, late)
        added = add(url, 3)
        assert lane.move() == 2
        slow.commit()
    while lane.move():
        pass
    assert queued(client) == [*added, late.event_id]


def test_a_lane_with_full_batches_only_starts_over(
    url: str, client: redis.Redis, lane: Lane
) -> None:
    """So an event that is committed late is found although every batch is full."""
    late = approval()
    with psycopg.connect(url) as slow:
        outbox.add(slow, late)
        add(url, 2)
        assert lane.move() == 2
        slow.commit()
    moved = 0
    while late.event_id not in queued(client):
        add(url, 2)
        assert lane.move() == 2
        moved += 1
    assert 1 < moved <= 100


def test_two_lanes_take_different_events(url: str, client: redis.Redis, lane: Lane) -> None:
    """An event that one lane has locked is skipped by the other, without waiting."""
    first, second, third = add(url, 3)
    with psycopg.connect(url) as other:
        other.execute("SELECT FROM signoff_outbox WHERE event_id = %s FOR UPDATE", [first])
        assert lane.move() == 2
    assert queued(client) == [second, third]
    assert [lane.move(), lane.move()] == [0, 1]  # ahead of the last batch, then from the oldest on
    assert queued(client) == [second, third, first]


def test_a_row_that_was_updated_is_marked_at_its_new_address(
    url: str, client: redis.Redis, lane: Lane
) -> None:
    """An update changes a row's address; the right row is marked."""
    first, second, third = add(url, 3)
    with psycopg.connect(url, autocommit=True) as other:
        for _ in range(2):
            other.execute("UPDATE signoff_outbox SET event = event WHERE event_id = %s", [first])
        assert lane.move() == 2
        waiting = other.execute(
            "SELECT event_id FROM signoff_outbox WHERE published_at IS NULL"
        ).fetchall()
    assert (queued(client), waiting) == ([first, second], [(third,)])


def test_an_event_that_another_relay_has_in_hand_is_not_asked_for_without_pause(
    url: str, lane: Lane
) -> None:
    """It is due, and cannot be claimed: that may last as long as Redis does not answer."""
    add(url)
    stop, began, looks = threading.Event(), time.monotonic(), 0

    def between() -> None:
        nonlocal looks
        looks += 1
        if time.monotonic() - began > 1:
            stop.set()

    with psycopg.connect(url) as other:
        other.execute("UPDATE signoff_outbox SET due_at = now()")
        other.commit()
        other.execute("SELECT FROM signoff_outbox FOR UPDATE")
        Relay([lane], stop, poll=60, between=between).run()
    assert looks <= (time.monotonic() - began) / 0.05 + 1


def test_lanes_take_turns_at_publishing(url: str, client: redis.Redis) -> None:
    """While another lane publishes, a batch is claimed, and waits for its turn, unmarked."""
    (event,) = add(url)
    turn = threading.Lock()
    lane = Lane(url, Producer(connection=client), most=2, turn=turn, turn_timeout=DEADLINE)
    with turn:
        moving = threading.Thread(target=lane.move)
        moving.start()
        eventually(lambda: has_claimed(url), what="the event is claimed")
        assert queued(client) == []
    moving.join()
    lane.drop()
    assert queued(client) == [event]


def has_claimed(url: str) -> bool:
    """Whether a lane has claimed a batch and is idle."""
    find = (
        "SELECT FROM pg_stat_activity WHERE application_name = 'signoff relay'"
        " AND datname = current_database() AND state = 'idle in transaction'"
        " AND query LIKE '%SKIP LOCKED%'"
    )
    with psycopg.connect(url) as connection:
        return connection.execute(find).fetchone() is not None


def test_the_wait_for_another_lane_is_bounded(url: str, client: redis.Redis) -> None:
    """If the turn takes too long, the other lane's queue does not answer."""
    (event,) = add(url)
    turn = threading.Lock()
    lane = Lane(url, Producer(connection=client), most=2, turn=turn, turn_timeout=0)
    with turn:
        assert lane.move() == 1
    lane.drop()
    assert queued(client) == [event]


class InterruptedLane(Lane):
    """A lane whose outbox ends the connection while it waits for the queue."""

    def publish(self, batch: list[Waiting]) -> Delivery:
        """Step 2; then the connection is lost."""
        delivery = super().publish(batch)
        with psycopg.connect(self._url) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE application_name = 'signoff relay' AND datname = current_database()"
            )
        return delivery


def test_an_unavailable_queue_is_named_although_the_outbox_timed_out_first(url: str) -> None:
    """Redis has to be fixed; that Postgres ended an idle transaction is only a consequence."""
    add(url)
    lane = InterruptedLane(url, Producer("redis://127.0.0.1:1/0"), most=2)
    with pytest.raises(QueueUnavailableError):
        lane.move()
    lane.drop()


def test_an_outbox_of_several_tables_is_refused(url: str, lane: Lane) -> None:
    """Addresses of rows are not unique over tables, so a wrong event could be marked."""
    add(url)
    with psycopg.connect(url, autocommit=True) as upstream:
        upstream.execute("CREATE TABLE more () INHERITS (signoff_outbox)")
        upstream.execute("INSERT INTO more (event) SELECT event FROM signoff_outbox")
        upstream.execute("UPDATE ONLY signoff_outbox SET refused = 'for a reason'")
        upstream.execute("INSERT INTO more (event) SELECT event FROM ONLY signoff_outbox")
        with pytest.raises(OutboxError, match="one plain table"):
            lane.move()
        marked = upstream.execute("SELECT FROM signoff_outbox WHERE published_at IS NOT NULL")
        assert marked.fetchall() == []


def test_an_event_that_add_validated_is_not_validated_again(
    url: str, client: redis.Redis, lane: Lane
) -> None:
    """A text with a matching hash is published unchanged; workers validate it anyway."""
    (event,) = add(url)
    with psycopg.connect(url) as upstream:
        text = broken(upstream, event)
        upstream.execute(
            "UPDATE signoff_outbox SET validated_hash = %s", [content_hash(text.encode())]
        )
    assert lane.move() == 1
    assert client.hget(JOB_PREFIX + str(event), "data") == encode_job(text.encode())


def test_an_event_that_was_changed_in_sql_is_validated_again(
    url: str, client: redis.Redis, lane: Lane
) -> None:
    """Its hash does not match: one event is refused, the other is canonicalized again."""
    wrong, right = add(url, 2)
    with psycopg.connect(url) as upstream:
        broken(upstream, wrong)
        upstream.execute(
            "UPDATE signoff_outbox SET event = event::jsonb::text WHERE event_id = %s", [right]
        )
    assert lane.move() == 2
    with psycopg.connect(url) as upstream:
        refused = "SELECT event_id, refused FROM signoff_outbox WHERE refused IS NOT NULL"
        ((event, reason),) = upstream.execute(refused).fetchall()
    assert (event, "quality_score must be at most 5" in reason) == (wrong, True)
    assert queued(client) == [right]
    data = cast("bytes", client.hget(JOB_PREFIX + str(right), "data"))
    _, event_json = decode_job(data)
    assert event_json == ApprovalEvent.parse(event_json).canonical_json()


def broken(upstream: "psycopg.Connection[TupleRow]", event: UUID) -> str:
    """Change the event in SQL so that it breaks the contract; returns its text."""
    change = (
        "UPDATE signoff_outbox"
        """ SET event = replace(event, '"quality_score":4', '"quality_score":9')"""
        " WHERE event_id = %s RETURNING event"
    )
    (text,) = upstream.execute(change, [event]).fetchone() or ("",)
    assert '"quality_score":9' in text
    return str(text)


def test_an_outbox_of_an_earlier_release_is_an_error_that_says_what_to_do(
    url: str, lane: Lane
) -> None:
    """Nothing is moved, and nothing lost; a relay ends instead of trying again."""
    with psycopg.connect(url, autocommit=True) as upstream:
        add(url)
        upstream.execute("ALTER TABLE signoff_outbox DROP COLUMN validated_hash")
        with pytest.raises(SettingsError, match=r"validated_hash.*`signoff outbox create`"):
            lane.move()
        upstream.execute(outbox.SCHEMA)
    assert lane.move() == 1


class UpgradedLane(Lane):
    """A lane during whose batch the table is brought up to date."""

    upgrading: threading.Thread

    def publish(self, batch: list[Waiting]) -> Delivery:
        """Step 2; then the schema is run."""
        delivery = super().publish(batch)
        self.upgrading = threading.Thread(target=upgrade, args=(self._url,))
        self.upgrading.start()
        await_blocked(self._url)
        return delivery


def upgrade(url: str) -> None:
    """Run the schema again."""
    with psycopg.connect(url, autocommit=True) as upstream:
        upstream.execute(outbox.SCHEMA)


def test_the_schema_waits_for_a_batch_that_is_being_moved(url: str, client: redis.Redis) -> None:
    """If the table is brought up to date while relays run, the batch is marked first."""
    added = add(url, 2)
    lane = UpgradedLane(url, Producer(connection=client), most=2)
    assert lane.move() == 2
    lane.upgrading.join()
    assert (lane.move(), queued(client)) == (0, added)
    lane.upgrading.join()  # That of the empty batch.
    lane.drop()


def test_a_lane_is_notified_of_a_new_event(url: str, lane: Lane) -> None:
    """Also if the notification arrives during a claim; once, and not before."""
    assert lane.move() == 0
    assert not lane.added(within=0)
    add(url)
    assert lane.added(within=DEADLINE)
    assert lane.move() == 1
    add(url)
    assert lane.move() == 1
    assert lane.added(within=0)


def test_a_turn_is_always_released(url: str, client: redis.Redis) -> None:
    """After a batch that the queue took, and after one that it refused."""
    add(url, 2)
    turn = threading.Lock()
    lane = Lane(url, Producer(connection=client, max_queue_length=1), most=1, turn=turn)
    lane.move()
    assert not turn.locked()
    with pytest.raises(QueueFull):
        lane.move()
    assert not turn.locked()
    lane.drop()


def test_events_that_found_no_room_are_in_the_next_batch(url: str, client: redis.Redis) -> None:
    """If the queue took a part of a full batch, the rest is not skipped."""
    first, second, third = add(url, 3)
    lane = Lane(url, Producer(connection=client, max_queue_length=1), most=2)
    with pytest.raises(QueueFull):
        lane.move()
    assert queued(client) == [first]

    for event in (second, third):
        client.delete(KEYS.waiting)
        with suppress(QueueFull):
            lane.move()
        assert queued(client) == [event]
    lane.drop()


def test_an_event_that_is_published_again_is_not_pruned(url: str, lane: Lane) -> None:
    """It may be published again between the read of the ledger and the pruning."""
    add(url, 2)
    lane.move()
    with connect(url, outbox=True) as connection:
        table = OutboxTable(connection)
        events = [entry.event_id for page in table.pages() for entry in page]
        before = datetime.now(UTC)
        connection.execute(
            "UPDATE signoff_outbox SET published_at = now() + interval '1 second'"
            " WHERE event_id = %s",
            [events[0]],
        )

        assert table.forget(events, before) == 1

        assert [entry.event_id for page in table.pages() for entry in page] == [events[0]]
