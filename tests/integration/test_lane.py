"""How a relay finds its batches, against a real outbox and a real queue."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

import psycopg
import pytest
import redis
from approvals import approval
from processes import DEADLINE, eventually
from rivals import await_blocked

from signoff_db.connection import connect
from signoff_producer import Producer, QueueFull, QueueUnavailableError, outbox
from signoff_relay.delivery import Delivery
from signoff_relay.lane import Lane
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
    """Commit events to the outbox, each in a transaction of its own."""
    events = [approval(n) for n in range(count)]
    for event in events:
        with psycopg.connect(url) as connection:
            outbox.add(connection, event)
    return [event.event_id for event in events]


def queued(client: redis.Redis) -> list[UUID]:
    """The ids of the events on the queue, in order."""
    jobs = cast("list[bytes]", client.lrange(KEYS.waiting, 0, -1))
    return [UUID(job.decode()) for job in jobs]


def test_a_lane_goes_on_where_it_was(url: str, client: redis.Redis, lane: Lane) -> None:
    """Batch follows batch, the oldest first, until one is not full."""
    added = add(url, 5)
    assert [lane.move() for _ in range(4)] == [2, 2, 1, 0]
    assert queued(client) == added


def test_what_commits_late_is_moved_too(url: str, client: redis.Redis, lane: Lane) -> None:
    """A transaction that began long ago adds its event behind the place a lane has come to."""
    late = approval()
    with psycopg.connect(url) as slow:
        outbox.add(slow, late)
        added = add(url, 3)
        assert lane.move() == 2
        slow.commit()
    while lane.move():
        pass
    assert queued(client) == [*added, late.event_id]


def test_a_lane_that_never_comes_to_an_end_starts_over(
    url: str, client: redis.Redis, lane: Lane
) -> None:
    """What commits late is met though every batch is full."""
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
    """What one has locked the other passes over, without waiting."""
    first, second, third = add(url, 3)
    with psycopg.connect(url) as other:
        other.execute("SELECT FROM signoff_outbox WHERE event_id = %s FOR UPDATE", [first])
        assert lane.move() == 2
    assert queued(client) == [second, third]
    assert [lane.move(), lane.move()] == [0, 1]  # ahead of the last batch, then from the oldest on
    assert queued(client) == [second, third, first]


def test_a_row_that_was_written_anew_is_marked_where_it_is_now(
    url: str, client: redis.Redis, lane: Lane
) -> None:
    """Rows move as they are changed: neither another row is marked, nor this one forgotten."""
    first, second, third = add(url, 3)
    with psycopg.connect(url, autocommit=True) as other:
        for _ in range(2):
            other.execute("UPDATE signoff_outbox SET event = event WHERE event_id = %s", [first])
        assert lane.move() == 2
        waiting = other.execute(
            "SELECT event_id FROM signoff_outbox WHERE published_at IS NULL"
        ).fetchall()
    assert (queued(client), waiting) == ([first, second], [(third,)])


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
    """Whether a lane holds a batch, and does nothing more for now."""
    find = (
        "SELECT FROM pg_stat_activity WHERE application_name = 'signoff relay'"
        " AND datname = current_database() AND state = 'idle in transaction'"
        " AND query LIKE '%SKIP LOCKED%'"
    )
    with psycopg.connect(url) as connection:
        return connection.execute(find).fetchone() is not None


def test_a_lane_does_not_wait_for_one_that_the_queue_keeps(url: str, client: redis.Redis) -> None:
    """A turn that takes too long is that of a lane whose queue is silent."""
    (event,) = add(url)
    turn = threading.Lock()
    lane = Lane(url, Producer(connection=client), most=2, turn=turn, turn_timeout=0)
    with turn:
        assert lane.move() == 1
    lane.drop()
    assert queued(client) == [event]


class InterruptedLane(Lane):
    """Its outbox gives it up while it waits for the queue."""

    def publish(self, batch: list[Waiting]) -> Delivery:
        """Step 2, at the end of which the connection is gone."""
        delivery = super().publish(batch)
        with psycopg.connect(self._url) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE application_name = 'signoff relay' AND datname = current_database()"
            )
        return delivery


def test_a_queue_that_is_away_is_named_though_the_outbox_gave_up_first(url: str) -> None:
    """Redis is what has to be mended; that Postgres ended an idle transaction follows from it."""
    add(url)
    lane = InterruptedLane(url, Producer("redis://127.0.0.1:1/0"), most=2)
    with pytest.raises(QueueUnavailableError):
        lane.move()
    lane.drop()


def test_an_outbox_of_several_tables_is_refused(url: str, lane: Lane) -> None:
    """Addresses of rows repeat from table to table: an event not published is not to be marked."""
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


def test_what_add_validated_is_not_validated_again(
    url: str, client: redis.Redis, lane: Lane
) -> None:
    """A text whose hash stands beside it goes to the queue as it is; workers look at it anyway."""
    (event,) = add(url)
    with psycopg.connect(url) as upstream:
        text = broken(upstream, event)
        upstream.execute(
            "UPDATE signoff_outbox SET validated_hash = %s", [content_hash(text.encode())]
        )
    assert lane.move() == 1
    assert client.hget(JOB_PREFIX + str(event), "data") == encode_job(text.encode())


def test_what_was_changed_by_hand_is_validated_again(
    url: str, client: redis.Redis, lane: Lane
) -> None:
    """A stale hash does no harm: one event is refused, the other is canonicalized again."""
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
    assert decode_job(data) == ApprovalEvent.parse(decode_job(data)).canonical_json()


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


def test_an_outbox_of_an_earlier_release_is_asked_to_be_brought_up_to_date(
    url: str, lane: Lane
) -> None:
    """Nothing is moved, and nothing lost; a relay ends with what to do instead of trying again."""
    with psycopg.connect(url, autocommit=True) as upstream:
        add(url)
        upstream.execute("ALTER TABLE signoff_outbox DROP COLUMN validated_hash")
        with pytest.raises(SettingsError, match=r"validated_hash.*`signoff outbox create`"):
            lane.move()
        upstream.execute(outbox.SCHEMA)
    assert lane.move() == 1


class UpgradedLane(Lane):
    """Somebody brings the table up to date while it has a batch in hand."""

    upgrading: threading.Thread

    def publish(self, batch: list[Waiting]) -> Delivery:
        """Step 2, at the end of which the table is asked for."""
        delivery = super().publish(batch)
        self.upgrading = threading.Thread(target=upgrade, args=(self._url,))
        self.upgrading.start()
        await_blocked(self._url)
        return delivery


def upgrade(url: str) -> None:
    """Run the schema again."""
    with psycopg.connect(url, autocommit=True) as upstream:
        upstream.execute(outbox.SCHEMA)


def test_the_schema_waits_for_the_batch_in_hand(url: str, client: redis.Redis) -> None:
    """The table is brought up to date under running relays: the batch is marked first."""
    added = add(url, 2)
    lane = UpgradedLane(url, Producer(connection=client), most=2)
    assert lane.move() == 2
    lane.upgrading.join()
    assert (lane.move(), queued(client)) == (0, added)
    lane.drop()


def test_an_event_that_is_added_is_told(url: str, lane: Lane) -> None:
    """Also where the notification came while the lane was looking; once, and not before."""
    assert lane.move() == 0
    assert not lane.added(within=0)
    add(url)
    assert lane.added(within=DEADLINE)
    assert lane.move() == 1
    add(url)
    assert lane.move() == 1
    assert lane.added(within=0)


def test_a_turn_is_given_up_whatever_becomes_of_the_batch(url: str, client: redis.Redis) -> None:
    """Of a batch that the queue took, and of one that it did not: no other lane waits for it."""
    add(url, 2)
    turn = threading.Lock()
    lane = Lane(url, Producer(connection=client, max_queue_length=1), most=1, turn=turn)
    lane.move()
    assert not turn.locked()
    with pytest.raises(QueueFull):
        lane.move()
    assert not turn.locked()
    lane.drop()


def test_what_found_no_room_is_the_next(url: str, client: redis.Redis) -> None:
    """A full batch of which the queue took a part: the rest is not passed over."""
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


def test_what_is_published_anew_is_not_forgotten(url: str, lane: Lane) -> None:
    """Between the look at the ledger and the pruning, somebody may have published it again."""
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
