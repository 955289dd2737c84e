"""Batches of a backlog: raced events are carried over to the next batch if they may be."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast
from uuid import UUID, uuid4

import pytest
import redis
from approvals import approval, balance, delivery
from blocking import await_blocked, swallow_interactions_of
from faulty_proxy import NetworkFault, faulty_proxy
from letters import letters_in
from redis.backoff import NoBackoff
from redis.retry import Retry

from signoff_db.apply import apply_in_transaction
from signoff_db.connection import BatchConnection, connect_for_batches
from signoff_producer import Producer
from signoff_queue.batch_queue import BatchQueue
from signoff_queue.scripts import WrongTypeError
from signoff_schemas import ApprovalEvent, Settings
from signoff_schemas.keys import JOB_PREFIX, QueueKeys
from signoff_worker.database import Database
from signoff_worker.health import Health
from signoff_worker.pipeline import Pipeline

BATCH = 20
"""The size of a batch; two of its events may be carried over."""


@pytest.fixture
def pipeline(redis_url: str, database_url: str) -> Iterator[Pipeline]:
    """A worker's pipeline with small batches."""
    settings = Settings(redis_url=redis_url, database_url=database_url, batch_size=BATCH)
    stop = threading.Event()
    health = Health("test", settings, state=lambda: "busy", stopping=stop.is_set)
    database = Database(settings, application="test worker")
    pipeline = Pipeline(settings, database, worker_key="rq:worker:x", stop=stop, health=health)
    yield pipeline
    pipeline.finish()
    database.drop()


def a_queue(client: redis.Redis, events: list[ApprovalEvent], name: str = "one") -> BatchQueue:
    """A queue with these events."""
    assert all(r.ok for r in Producer(connection=client, queue=name).publish_many(events))
    return BatchQueue(client, name, lease_seconds=600)


def in_hand(client: redis.Redis, queue: BatchQueue) -> set[UUID]:
    """The events that the worker holds and has not acknowledged."""
    held = cast("list[bytes]", client.zrange(QueueKeys(queue.name).started, 0, -1))
    return {UUID(job.decode().partition(":")[0]) for job in held}


@contextmanager
def changing(database_url: str, interaction: UUID) -> Iterator[None]:
    """Another worker's transaction on the interaction, which commits when a batch waits for it."""
    rival = approval(0, interaction_id=interaction, customer_status="CUSTOMER", ltv_amount="5")
    with (
        connect_for_batches(database_url, application="rival") as connection,
        connection.transaction(),
    ):
        apply_in_transaction(connection, [delivery(rival)])
        yield
        await_blocked(database_url)


def test_raced_events_are_applied_and_acknowledged_with_the_next_batch(
    client: redis.Redis, connection: BatchConnection, database_url: str, pipeline: Pipeline
) -> None:
    """Until then the worker holds them; another worker changed their interaction meanwhile."""
    shared = uuid4()
    raced = approval(1, interaction_id=shared, customer_status="CUSTOMER", ltv_amount="2")
    first = [raced, *(approval() for _ in range(BATCH - 1))]
    second = [approval() for _ in range(BATCH)]
    queue = a_queue(client, first + second)

    with changing(database_url, shared):
        pipeline.settle_next(queue, wait=False)
    pipeline.settle_next(queue, wait=False)
    assert in_hand(client, queue) == {event.event_id for event in [raced, *second]}

    pipeline.finish()
    assert in_hand(client, queue) == set()
    assert balance(connection, shared) == ("CUSTOMER", "7.00")


def test_many_raced_events_are_applied_at_once(
    client: redis.Redis, connection: BatchConnection, database_url: str, pipeline: Pipeline
) -> None:
    """Many events of one busy interaction would race again, so it is locked."""
    busy = uuid4()
    first = [
        approval(1 + n, interaction_id=busy, customer_status="CUSTOMER", ltv_amount="1")
        for n in range(BATCH)
    ]
    second = [approval() for _ in range(BATCH)]
    queue = a_queue(client, first + second)

    with changing(database_url, busy):
        pipeline.settle_next(queue, wait=False)
    pipeline.settle_next(queue, wait=False)
    assert in_hand(client, queue) == {event.event_id for event in second}
    assert balance(connection, busy) == ("CUSTOMER", "25.00")


def test_raced_events_are_not_carried_over_to_another_queues_batch(
    client: redis.Redis, connection: BatchConnection, database_url: str, pipeline: Pipeline
) -> None:
    """Each event is acknowledged on its own queue."""
    shared = uuid4()
    raced = approval(1, interaction_id=shared, customer_status="CUSTOMER", ltv_amount="2")
    one = a_queue(client, [raced, *(approval() for _ in range(BATCH - 1))])
    other = a_queue(client, [approval() for _ in range(BATCH)], "other")

    with changing(database_url, shared):
        pipeline.settle_next(one, wait=False)
    pipeline.settle_next(other, wait=False)
    assert in_hand(client, one) == set()
    assert balance(connection, shared) == ("CUSTOMER", "7.00")


def test_no_event_is_carried_over_for_ever(
    client: redis.Redis, connection: BatchConnection, pipeline: Pipeline
) -> None:
    """A trigger that suppresses a row looks like a race at first, and is then noticed."""
    swallow_interactions_of(connection, "unlucky")
    unlucky = approval(user_id="unlucky")
    queue = a_queue(client, [unlucky, *(approval() for _ in range(13 * BATCH - 1))])

    for _ in range(11):
        pipeline.settle_next(queue, wait=False)
        assert unlucky.event_id in in_hand(client, queue)
    pipeline.settle_next(queue, wait=False)
    assert unlucky.event_id not in in_hand(client, queue)
    (letter,) = letters_in(connection)
    assert letter.event_id == unlucky.event_id


def test_suspects_are_settled_before_other_jobs_are_taken(
    client: redis.Redis, pipeline: Pipeline
) -> None:
    """Also with a full batch of suspects, the worker holds no other job."""
    events = [approval() for _ in range(2 * BATCH)]
    queue = a_queue(client, events)
    queue.group = BATCH
    for event in events[:BATCH]:
        client.hset(f"{JOB_PREFIX}{event.event_id}", "signoff_deaths", 1)

    assert pipeline.settle_next(queue, wait=False) == BATCH

    assert in_hand(client, queue) == set()
    assert client.llen(queue.keys.waiting) == BATCH


def test_a_batch_whose_reply_is_lost_is_taken_again(
    client: redis.Redis, redis_url: str, connection: BatchConnection, pipeline: Pipeline
) -> None:
    """The connection was lost after the drain: the jobs are requeued, and no death is counted."""
    events = [approval() for _ in range(3)]
    a_queue(client, events)
    with faulty_proxy(redis_url) as proxy, redis.Redis.from_url(proxy.url) as worker:
        worker.set_retry(Retry(NoBackoff(), 0))
        queue = BatchQueue(worker, "one", lease_seconds=600)
        # Redis has the scripts already, as when a worker has been at work for a while.
        BatchQueue(client, "empty", lease_seconds=600).take(1)
        proxy.faults.append(NetworkFault.ANSWER_LOST)
        with pytest.raises(redis.ConnectionError):
            pipeline.settle_next(queue, wait=False)
        assert in_hand(client, queue) == set()

        assert pipeline.settle_next(queue, wait=False) == 3

    assert in_hand(client, queue) == set()
    assert connection.execute("SELECT FROM approvals").rowcount == 3


def test_a_suspect_behind_a_full_batch_is_not_left_on_the_queue(
    client: redis.Redis, pipeline: Pipeline
) -> None:
    """It is taken in the same turn, after the batch was settled."""
    events = [approval() for _ in range(BATCH + 1)]
    queue = a_queue(client, events)
    client.hset(f"{JOB_PREFIX}{events[-1].event_id}", "signoff_deaths", 1)

    assert pipeline.settle_next(queue, wait=False) == BATCH
    assert pipeline.settle_next(queue, wait=False) == 1

    assert client.zcard(queue.keys.started) == 0


def test_a_committed_batch_that_cannot_be_acknowledged_stays_in_flight(
    client: redis.Redis, connection: BatchConnection, pipeline: Pipeline
) -> None:
    """It is acknowledged before the queue's next batch is taken; another queue goes on."""
    events = [approval() for _ in range(3)]
    broken, other = a_queue(client, events, "broken"), a_queue(client, [approval()], "other")
    client.set(QueueKeys("broken").scheduled, "x")

    assert pipeline.settle_next(broken, wait=False) == 3
    with pytest.raises(WrongTypeError, match="rq:scheduled:broken"):
        pipeline.settle_next(broken, wait=False)
    assert pipeline.settle_next(other, wait=False) == 1
    assert in_hand(client, broken) == {event.event_id for event in events}
    assert connection.execute("SELECT count(*) FROM approvals").fetchone() == (4,)

    client.delete(QueueKeys("broken").scheduled)
    assert pipeline.settle_next(broken, wait=False) == 0
    assert in_hand(client, broken) == set()
    assert client.keys("rq:job:*") == []
