"""Batches of a backlog: what raced in one goes with the next, and what must not does not."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast
from uuid import UUID, uuid4

import pytest
import redis
from approvals import approval, balance, delivery
from letters import letters_in
from rivals import await_blocked, swallow_interactions_of

from signoff_db.apply import apply_in_transaction
from signoff_db.connection import BatchConnection, connect_for_batches
from signoff_producer import Producer
from signoff_queue.batch_queue import BatchQueue
from signoff_schemas import ApprovalEvent, Settings
from signoff_schemas.keys import QueueKeys
from signoff_worker.database import Database
from signoff_worker.health import Health
from signoff_worker.pipeline import Pipeline

BATCH = 20
"""Of which two may go with the next one."""


@pytest.fixture
def pipeline(redis_url: str, database_url: str) -> Iterator[Pipeline]:
    """A worker's pipeline of small batches."""
    settings = Settings(redis_url=redis_url, database_url=database_url, batch_size=BATCH)
    stop = threading.Event()
    health = Health("test", settings, state=lambda: "busy", stopping=stop.is_set)
    database = Database(settings, application="test worker")
    pipeline = Pipeline(settings, database, worker_key="rq:worker:x", stop=stop, health=health)
    yield pipeline
    pipeline.finish()
    database.drop()


def a_queue(client: redis.Redis, events: list[ApprovalEvent], name: str = "one") -> BatchQueue:
    """A queue on which these events wait."""
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


def test_what_raced_is_applied_and_acknowledged_with_the_next_batch(
    client: redis.Redis, connection: BatchConnection, database_url: str, pipeline: Pipeline
) -> None:
    """An event whose interaction another worker changed meanwhile stays in hand until then."""
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


def test_what_races_in_a_body_is_applied_at_once(
    client: redis.Redis, connection: BatchConnection, database_url: str, pipeline: Pipeline
) -> None:
    """Many events of one busy interaction would race again: they are locked and applied."""
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


def test_what_raced_does_not_go_with_another_queues_batch(
    client: redis.Redis, connection: BatchConnection, database_url: str, pipeline: Pipeline
) -> None:
    """Each queue's events are acknowledged there."""
    shared = uuid4()
    raced = approval(1, interaction_id=shared, customer_status="CUSTOMER", ltv_amount="2")
    one = a_queue(client, [raced, *(approval() for _ in range(BATCH - 1))])
    other = a_queue(client, [approval() for _ in range(BATCH)], "other")

    with changing(database_url, shared):
        pipeline.settle_next(one, wait=False)
    pipeline.settle_next(other, wait=False)
    assert in_hand(client, one) == set()
    assert balance(connection, shared) == ("CUSTOMER", "7.00")


def test_no_event_goes_from_batch_to_batch_for_ever(
    client: redis.Redis, connection: BatchConnection, pipeline: Pipeline
) -> None:
    """A row that a trigger keeps from being written looks like a race, and is found out."""
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
