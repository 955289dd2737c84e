"""Waiting for verdicts: woken by workers' notices, and without them."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from uuid import UUID

import pytest
import redis
from approvals import apply_events, approval, decision, delivery
from processes import DEADLINE, eventually

from signoff_db import verdicts_now
from signoff_db.apply import apply
from signoff_db.connection import BatchConnection, connect
from signoff_db.sql import raw_statement
from signoff_db.verdicts_now import EventState, EventStates, prepared_states
from signoff_ops import verdict_watch
from signoff_ops.servers import PooledServers
from signoff_ops.verdict_answers import FinalVerdict
from signoff_ops.verdict_watch import VerdictWatch
from signoff_producer import Producer
from signoff_queue.batch_queue import BatchQueue
from signoff_schemas import AnyEvent, FailureKind, Settings, Verdict, content_hash
from signoff_schemas.keys import JOB_PREFIX, QueueKeys
from signoff_worker.reading import begin_reading_taken

KEYS = QueueKeys("approvals")
APPLIED = FinalVerdict(Verdict.APPLIED)
LISTENING = """
SELECT pid FROM pg_stat_activity
WHERE state = 'idle'
    AND (query LIKE 'LISTEN signoff_settled%' OR query LIKE '%AS chosen (event_id%')
"""


@dataclass
class Waiting:
    """A watch, and what a worker does when a test says so."""

    watch: VerdictWatch
    client: redis.Redis
    connection: BatchConnection
    queue: BatchQueue

    async def verdict(self, event: AnyEvent) -> FinalVerdict | None:
        """Publish the event and wait for its verdict."""
        hashed = content_hash(event.canonical_json())
        with self.watch.expecting(event.event_id, hashed) as expected:
            assert Producer(connection=self.client).publish(event).ok
            return await expected.verdict(DEADLINE)

    def verdicts(self, *events: AnyEvent, then: Callable[[], None]) -> list[FinalVerdict | None]:
        """What those are told who wait for these events; `then` is done while they wait."""

        async def told() -> list[FinalVerdict | None]:
            each = [asyncio.create_task(self.verdict(event)) for event in events]
            await asyncio.to_thread(then)
            return await asyncio.gather(*each)

        return asyncio.run(told())

    def subscribers(self) -> int:
        """How many listen for notices."""
        count: int = self.client.pubsub_numsub(KEYS.settled)[0][1]
        return count

    def await_subscriber(self) -> None:
        """Until the watch listens."""
        eventually(lambda: self.subscribers() == 1, what="the watch is subscribed")

    def await_jobs(self, count: int) -> None:
        """Until so many jobs wait."""
        eventually(lambda: self.client.llen(KEYS.waiting) == count, what="they are published")

    def work(self, most: int = 100) -> None:
        """Take jobs, apply and acknowledge them."""
        self.await_subscriber()
        eventually(lambda: self.client.llen(KEYS.waiting) > 0, what="one is published")
        jobs = self.queue.take(most)
        outcomes = apply(self.connection, begin_reading_taken(jobs, 3)())
        dead = [one.delivery.job_id for one in outcomes if one.failure]
        good = [one.delivery.job_id for one in outcomes if not one.failure]
        assert self.queue.acknowledge("rq:worker:test", good, dead=dead) == 0

    def await_listener(self) -> None:
        """Until the watch listens to Postgres."""
        eventually(lambda: self.connection.execute(LISTENING).rowcount == 1, what="it listens")

    def commit(self, count: int) -> None:
        """Apply so many jobs as a worker that knows that somebody waits; acknowledge none."""
        self.await_jobs(count)
        self.await_listener()
        jobs = self.queue.take(count)
        apply(self.connection, begin_reading_taken(jobs, 3)(), awaited=True)

    def work_in_silence(self, count: int) -> None:
        """Do the same with so many jobs as an earlier release does: without a notice."""
        self.await_jobs(count)
        jobs = self.queue.take(count)
        apply(self.connection, begin_reading_taken(jobs, 3)())
        self.client.delete(*(JOB_PREFIX + job.id for job in jobs))


@pytest.fixture
def waiting(
    client: redis.Redis, connection: BatchConnection, redis_url: str, database_url: str
) -> Iterator[Waiting]:
    """Nobody waits yet."""
    settings = Settings.load(redis_url=redis_url, database_url=database_url)
    queue = BatchQueue(client, "approvals", lease_seconds=600)
    with (
        PooledServers(settings, application="test") as servers,
        closing(VerdictWatch(servers)) as watch,
    ):
        yield Waiting(watch, client, connection, queue)


@pytest.fixture
def by_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch never looks by itself."""
    monkeypatch.setattr(verdict_watch, "_SOONEST", 1e6)


@pytest.mark.usefixtures("by_notices")
def test_a_workers_notice_wakes_all_who_wait(waiting: Waiting) -> None:
    """One batch answers everybody, whatever came of the events, and twice the same event."""
    first = approval(
        interaction_id=(known := approval().interaction_id), customer_status="CUSTOMER"
    )
    late = approval(-5, interaction_id=known, customer_status="CHURNED")
    dead = approval(5, interaction_id=known, user_id="somebody else")
    events: list[AnyEvent] = [first, first, late, decision(9), dead]

    def then() -> None:
        waiting.await_jobs(4)
        waiting.work(1)
        waiting.work()

    *others, letter = waiting.verdicts(*events, then=then)
    assert others == [APPLIED, APPLIED, FinalVerdict(Verdict.LATE), APPLIED]
    assert letter
    assert (letter.verdict, letter.dead_letter) == (FailureKind.USER_MISMATCH, 1)


@pytest.mark.usefixtures("by_notices")
def test_the_commit_of_a_lone_event_wakes_who_waits_for_it(waiting: Waiting) -> None:
    """Before its job is acknowledged."""
    assert waiting.verdicts(approval(), then=lambda: waiting.commit(1)) == [APPLIED]


@pytest.mark.usefixtures("by_notices")
def test_a_notice_of_the_commit_that_came_during_a_look_counts(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read with the answer to the statement of that look; no later look is needed."""
    for name in ("_LATEST", "_KEPT"):
        monkeypatch.setattr(verdict_watch, name, 1e6)
    first, second = approval(), approval()
    of = EventStates.of

    def commits_the_second(
        states: EventStates, events: Sequence[UUID], hashes: Sequence[bytes]
    ) -> list[EventState]:
        monkeypatch.setattr(EventStates, "of", of)
        waiting.commit(1)
        return of(states, events, hashes)

    def then() -> None:
        waiting.await_jobs(2)
        waiting.await_listener()
        monkeypatch.setattr(EventStates, "of", commits_the_second)
        waiting.work(1)

    assert waiting.verdicts(first, second, then=then) == [APPLIED, APPLIED]


@pytest.mark.parametrize(
    "batch",
    [
        pytest.param([approval(1), approval(2)], id="in one transaction"),
        pytest.param([approval(3), decision(4)], id="each kind in its own"),
        pytest.param([approval(5), approval(6, user_id="refused")], id="one by one"),
    ],
)
def test_workers_tell_postgres_of_a_lone_event_only_if_somebody_waits(
    batch: Sequence[AnyEvent], connection: BatchConnection, database_url: str
) -> None:
    """A notice makes commits wait for each other, so it is not for batches, however committed."""
    connection.execute(
        "ALTER TABLE customers ADD CONSTRAINT house_rule CHECK (user_id <> 'refused')"
    )
    told, silent = approval(7), approval(8)
    with connect(database_url) as listener:
        listener.execute("LISTEN signoff_settled")
        apply(connection, [delivery(event) for event in batch], awaited=True)
        apply(connection, [delivery(told)], awaited=True)
        apply(connection, [delivery(silent)])
        connection.execute("NOTIFY signoff_settled, 'end'")
        notices = list(listener.notifies(timeout=DEADLINE, stop_after=2))
    assert [notice.payload for notice in notices] == [str(told.event_id), "end"]


@pytest.mark.usefixtures("by_notices")
def test_a_forged_notice_is_no_verdict(waiting: Waiting) -> None:
    """It only makes the watch look: the old letter of a job that still waits says nothing of it."""
    known = approval()
    again = approval(5, interaction_id=known.interaction_id, user_id="somebody else")
    apply_events(waiting.connection, known)
    apply_events(waiting.connection, again)
    other = approval()
    answered: list[bool] = []

    async def told() -> None:
        waits = asyncio.create_task(waiting.verdict(again))
        await asyncio.to_thread(waiting.await_jobs, 1)
        await asyncio.to_thread(waiting.await_subscriber)
        (job,) = waiting.queue.take(1)
        waiting.client.publish(KEYS.settled, f"{'-1f' * 500_000} {job.id} ")
        also = asyncio.create_task(waiting.verdict(other))
        await asyncio.to_thread(waiting.await_jobs, 1)
        await asyncio.to_thread(waiting.work)
        assert await also == APPLIED
        answered.append(waits.done())
        waiting.queue.release()
        await asyncio.to_thread(waiting.work)
        found = await waits
        assert found
        assert found.verdict is FailureKind.USER_MISMATCH

    asyncio.run(told())
    assert answered == [False]


def test_a_worker_that_sends_no_notice_is_waited_for_all_the_same(waiting: Waiting) -> None:
    """As one of an earlier release; also where the job takes longer than the first look."""
    event, dead = approval(), approval(user_id=None)

    found, letter = waiting.verdicts(event, dead, then=lambda: waiting.work_in_silence(2))
    assert found == APPLIED
    assert letter
    assert letter.verdict is FailureKind.UNKNOWN_INTERACTION


def test_a_subscription_that_is_lost_costs_time_only(waiting: Waiting) -> None:
    """The watch connects anew, and looks."""

    def then() -> None:
        waiting.await_jobs(1)
        waiting.await_subscriber()
        waiting.client.client_kill_filter(_type="pubsub")
        waiting.work()

    assert waiting.verdicts(approval(), then=then) == [APPLIED]


@pytest.mark.usefixtures("by_notices")
def test_who_goes_away_makes_room(waiting: Waiting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many may wait; one that is gone does not count."""
    monkeypatch.setattr(waiting.watch, "_most", 1)

    async def told() -> None:
        gone = asyncio.create_task(waiting.verdict(approval()))
        await asyncio.to_thread(waiting.await_subscriber)
        assert await waiting.verdict(approval()) is None
        gone.cancel()
        await asyncio.wait([gone])
        stays = asyncio.create_task(waiting.verdict(approval()))
        await asyncio.to_thread(waiting.await_jobs, 3)
        await asyncio.to_thread(waiting.work)
        assert await stays == APPLIED

    asyncio.run(told())


@pytest.mark.usefixtures("by_notices")
def test_the_subscription_ends_when_nobody_waits(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then notices cost nothing; whoever waits next subscribes again."""
    monkeypatch.setattr(verdict_watch, "_KEPT", 0.0)
    for _ in range(2):
        assert waiting.verdicts(approval(), then=waiting.work) == [APPLIED]
        eventually(lambda: waiting.subscribers() == 0, what="nobody is subscribed")


def test_a_connection_reads_verdicts_again_after_a_pool_lent_it(
    connection: BatchConnection,
) -> None:
    """Its statement stays prepared; it does not listen while nobody reads what it is told."""
    event = approval()
    apply_events(connection, event)
    for _ in range(2):
        with prepared_states(connection) as states:
            (state,) = states.of([event.event_id], [content_hash(event.canonical_json())])
        assert state.verdict == Verdict.APPLIED
        assert connection.execute("SELECT pg_listening_channels()").fetchall() == []


def test_a_state_is_read_by_the_names_of_its_statements_columns(
    connection: BatchConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever their order is; what the class does not know is an error."""
    event, known = approval(user_id=None), approval()
    apply_events(connection, event, known)
    hashes = [content_hash(one.canonical_json()) for one in (event, known)]
    inner = raw_statement("verdicts_of_events").decode()
    select = "message, kind, dead_letter, age, verdict"

    def states() -> list[EventState]:
        outer = f"SELECT {select} FROM ({inner}) AS states".encode()
        monkeypatch.setattr(verdicts_now, "raw_statement", lambda _: outer)
        connection.execute("DEALLOCATE ALL")
        with prepared_states(connection) as read:
            return read.of([event.event_id, known.event_id], hashes)

    dead, applied = states()
    assert (dead.verdict, dead.age, dead.dead_letter, dead.kind) == (
        *(None, None, 1),
        FailureKind.UNKNOWN_INTERACTION,
    )
    assert dead.message
    assert (applied.verdict, applied.dead_letter) == (Verdict.APPLIED, None)
    assert applied.age is not None
    select = "message, kind, dead_letter, age AS seconds, verdict"
    with pytest.raises(TypeError, match="seconds"):
        states()


def test_a_rollback_does_not_keep_a_connection_from_reading_verdicts(
    connection: BatchConnection,
) -> None:
    """Psycopg then deallocates all prepared statements of a connection, not only its own."""
    event = approval()
    apply_events(connection, event)
    for _ in range(2):
        with prepared_states(connection) as states:
            (state,) = states.of([event.event_id], [content_hash(event.canonical_json())])
        assert state.verdict == Verdict.APPLIED
        with connection.transaction(force_rollback=True):
            connection.execute("SELECT 1", prepare=True)


@pytest.mark.usefixtures("by_notices")
def test_a_long_wait_is_no_busy_loop(waiting: Waiting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits longer than the connections would be kept without anybody."""
    monkeypatch.setattr(verdict_watch, "_KEPT", 0.0)
    pauses: list[float | None] = []
    pause = waiting.watch._pause

    def recorded() -> float | None:
        pauses.append(pause())
        return pauses[-1]

    monkeypatch.setattr(waiting.watch, "_pause", recorded)

    def then() -> None:
        eventually(lambda: len(pauses) > 1, what="the watch has waited twice")
        waiting.work()

    assert waiting.verdicts(approval(), then=then) == [APPLIED]
    assert 0.0 not in pauses


def test_its_statement_reads_by_indexes_whatever_the_statistics_are(
    connection: BatchConnection,
) -> None:
    """All indexes of an empty table cost the same; none may be scanned as a whole."""
    connection.execute("ANALYZE")
    with prepared_states(connection):
        steps = connection.execute("EXPLAIN EXECUTE signoff_verdicts ('{}', '')").fetchall()
    lines = [line for (line,) in steps]
    scans = [n for n, line in enumerate(lines) if "Scan using" in line or "Seq Scan" in line]
    assert len(scans) == 5
    assert [lines[n] for n in scans if "Index Cond" not in lines[n + 1]] == []


@pytest.mark.usefixtures("by_notices")
def test_publishing_does_not_wake_the_watch(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The notice does, which nearly always comes before the watch would look by itself."""
    woken: list[VerdictWatch] = []
    wake = VerdictWatch._wake

    def note(watch: VerdictWatch) -> None:
        woken.append(watch)
        wake(watch)

    def then() -> None:
        eventually(lambda: any(one.is_published for one in waiting.watch._waiting), what="it waits")
        waiting.work()

    monkeypatch.setattr(verdict_watch, "_KEPT", 2e6)
    monkeypatch.setattr(VerdictWatch, "_wake", note)
    assert waiting.verdicts(approval(), then=then) == [APPLIED]
    eventually(lambda: waiting.watch._sleeps_until > 0, what="the watch sleeps")
    woken.clear()

    assert waiting.verdicts(approval(), then=then) == [APPLIED]
    assert not woken


def test_a_watch_that_sleeps_looks_without_a_notice_too(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is woken a little after the event was published."""
    monkeypatch.setattr(verdict_watch, "_KEPT", 2e6)
    assert waiting.verdicts(approval(), then=waiting.work) == [APPLIED]
    eventually(lambda: waiting.watch._sleeps_until > 0, what="the watch sleeps")

    found = waiting.verdicts(approval(), then=lambda: waiting.work_in_silence(1))
    assert found == [APPLIED]
