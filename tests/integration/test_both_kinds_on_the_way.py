"""Both kinds of events from a publisher to Postgres: queue, spool, outbox, and stock workers."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest
import redis
from approvals import approval, customer, decision, delivery
from faulty_proxy import FaultyProxy, NetworkFault, faulty_proxy
from letters import chosen, letters_in
from processes import DEADLINE, environment
from publishers import Publisher, publishing
from pydantic_core import to_json
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from signoff import Producer, StatusDecision
from signoff_db.apply import apply
from signoff_db.audit import audit
from signoff_db.connection import BatchConnection
from signoff_db.delivery import Delivery, Job, read_jobs
from signoff_db.discard import discard
from signoff_db.failure import Failure
from signoff_db.replay import replay
from signoff_producer import outbox
from signoff_queue.reader import QueueReader
from signoff_relay.lane import Lane
from signoff_relay.pruning import Pruned, prune
from signoff_relay.reconciling import Reconciled, Reconciler
from signoff_relay.table import OutboxTable
from signoff_schemas import AnyEvent, ApprovalEvent, FailureKind, content_hash, encode_job
from signoff_schemas.keys import JOB_PREFIX, QueueKeys

KEYS = QueueKeys("approvals")
GIVEN_UP = Failure(FailureKind.ABANDONED, "gave up", "gave up")
FUNCTIONS = {
    ApprovalEvent: "signoff_worker.jobs.apply_approval",
    StatusDecision: "signoff_worker.jobs.apply_status_decision",
}
BY_SQL = "INSERT INTO signoff_outbox (event) VALUES (%s)"


def both(count: int = 4) -> list[AnyEvent]:
    """So many events, of both kinds in turn."""
    return [decision(n) if n % 2 else approval(n) for n in range(count)]


def data_of(client: redis.Redis, event: AnyEvent) -> bytes:
    """What the event's job carries."""
    return cast("bytes", client.hget(f"{JOB_PREFIX}{event.event_id}", "data"))


def queued(client: redis.Redis) -> list[UUID]:
    """The ids of the jobs that wait, in order."""
    jobs = cast("list[bytes]", client.lrange(KEYS.waiting, 0, -1))
    return [UUID(job.decode()) for job in jobs]


def assert_queued(client: redis.Redis, events: list[AnyEvent]) -> None:
    """These events wait, each in its canonical JSON, under the function of its kind."""
    assert sorted(queued(client)) == sorted(event.event_id for event in events)
    for event in events:
        assert json.loads(data_of(client, event)) == [
            FUNCTIONS[type(event)],
            None,
            [json.loads(event.canonical_json())],
            {},
        ]


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest) -> Iterator[Callable[..., Publisher]]:
    """Make a publisher of either kind, until the test ends."""
    with ExitStack() as stack:

        def publisher(url: str, **options: Any) -> Publisher:
            return stack.enter_context(publishing(request.param, url, **options))

        yield publisher


# Publishing


def test_both_kinds_are_published_under_their_functions(
    make: Callable[..., Publisher], redis_url: str, client: redis.Redis
) -> None:
    """Together or one by one, as models, mappings or JSON."""
    publisher = make(redis_url)
    events = both(8)
    sources: list[Any] = [
        events[1],
        events[2].canonical_json(),
        events[3].canonical_json(),
        events[4].model_dump(),
        events[5].model_dump(),
        events[6].canonical_json().decode(),
        events[7].canonical_json().decode(),
    ]
    receipts = [publisher.publish(events[0]), *publisher.publish_many(sources)]
    assert [receipt.answer for receipt in receipts] == ["accepted"] * 8
    assert [receipt.event_id for receipt in receipts] == [event.event_id for event in events]
    assert [one.answer for one in publisher.publish_many(events)] == ["duplicate"] * 8
    assert_queued(client, events)


def test_an_event_id_belongs_to_one_kind(
    make: Callable[..., Publisher], redis_url: str, client: redis.Redis
) -> None:
    """An event of the other kind under the same id is a conflict, whichever came first."""
    publisher = make(redis_url)
    first, second = both(2)
    others = [decision(event_id=first.event_id), approval(event_id=second.event_id)]
    assert all(one.ok for one in publisher.publish_many([first, second]))
    assert [one.answer for one in publisher.publish_many(others)] == ["conflict"] * 2
    assert publisher.publish(others[0]).answer == "conflict"
    assert_queued(client, [first, second])


def test_a_decision_in_other_json_is_the_same_decision(
    make: Callable[..., Publisher], redis_url: str, client: redis.Redis
) -> None:
    """As a publisher in another language may have written it; under another function it is not."""
    publisher = make(redis_url)
    event, misnamed = decision(0), decision(1)
    client.hset(
        f"{JOB_PREFIX}{event.event_id}",
        "data",
        json.dumps([FUNCTIONS[StatusDecision], None, [event.model_dump(mode="json")], {}]),
    )
    client.hset(
        f"{JOB_PREFIX}{misnamed.event_id}",
        "data",
        encode_job(misnamed.canonical_json(), ApprovalEvent),
    )
    assert publisher.publish(event).answer == "duplicate"
    assert publisher.publish(misnamed).answer == "conflict"
    # Both were on no list, so that no worker would have taken them.
    assert queued(client) == [event.event_id, misnamed.event_id]


def test_a_decision_that_breaks_the_contract_is_rejected(
    make: Callable[..., Publisher], redis_url: str, client: redis.Redis
) -> None:
    """Its neighbours are accepted; the receipt names its id and its field."""
    publisher = make(redis_url)
    good = decision(0)
    bad = decision(1).model_dump() | {"decided_by": "rule:a", "rests_on": None}
    other = decision(2).model_dump() | {"event_type": "unknown"}
    receipts = publisher.publish_many([bad, good, other])
    assert [one.answer for one in receipts] == ["rejected", "accepted", "rejected"]
    assert [one.event_id for one in receipts] == [
        bad["event_id"],
        good.event_id,
        other["event_id"],
    ]
    assert ["rests_on" in str(receipts[0].error), "event_type" in str(receipts[2].error)] == [
        True,
        True,
    ]
    assert_queued(client, [good])


@pytest.fixture
def proxy(redis_url: str) -> Iterator[FaultyProxy]:
    """A proxy to an empty Valkey; it works until a test makes it fail."""
    with faulty_proxy(redis_url) as proxy:
        yield proxy


def test_a_spool_keeps_both_kinds(
    make: Callable[..., Publisher], proxy: FaultyProxy, client: redis.Redis, tmp_path: Path
) -> None:
    """What Redis cannot take comes later, under the function of its kind."""
    publisher = make(proxy.url, spool=tmp_path / "spool.jsonl", publish_retries=0)
    events = both(5)
    proxy.faults.extend([NetworkFault.CUT] * 2)
    assert publisher.publish(events[1]).answer == "spooled"
    rest = [events[0], *events[2:]]
    assert {one.answer for one in publisher.publish_many(rest)} == {"spooled"}
    assert queued(client) == []
    assert publisher.flush() == {"accepted": 5}
    assert_queued(client, events)


# The outbox


@pytest.fixture
def upstream(connection: BatchConnection) -> BatchConnection:
    """An outbox, in Signoff's own database."""
    connection.execute(outbox.SCHEMA)
    return connection


def test_a_relay_moves_both_kinds(
    upstream: BatchConnection, client: redis.Redis, database_url: str
) -> None:
    """Rows of `outbox.add`, which are not validated again, and rows that were written in SQL."""
    events = both(6)
    for event in events[:4]:
        outbox.add(upstream, event)
    upstream.execute(BY_SQL, [events[4].canonical_json().decode()])
    spelled = json.dumps(events[5].model_dump(mode="json") | {"evidence": None}, indent=1)
    upstream.execute(BY_SQL, [spelled])
    wrong = decision(9).model_dump(mode="json") | {"reason": ""}
    upstream.execute(BY_SQL, [json.dumps(wrong)])
    lane = Lane(database_url, Producer(connection=client), most=10, listening=False)
    try:
        assert lane.move() == 7
    finally:
        lane.drop()
    assert_queued(client, events)
    refused = upstream.execute(
        "SELECT event_id, refused FROM signoff_outbox WHERE refused IS NOT NULL"
    ).fetchall()
    assert [(str(row[0]), "reason" in row[1]) for row in refused] == [(wrong["event_id"], True)]


def test_an_outbox_holds_one_kind_under_an_id(upstream: BatchConnection) -> None:
    """The other is a conflict, and the transaction goes on."""
    event = approval()
    with psycopg.Connection.transaction(upstream):
        outbox.add(upstream, event)
        outbox.add(upstream, event.model_dump())
        with pytest.raises(outbox.OutboxConflict):
            outbox.add(upstream, decision(event_id=event.event_id))
        outbox.add(upstream, decision(1))
    assert upstream.execute("SELECT count(*) FROM signoff_outbox").fetchone() == (2,)


def reconcile(upstream: BatchConnection, client: redis.Redis) -> Reconciled:
    """Publish again what is lost."""
    reconciler = Reconciler(OutboxTable(upstream), QueueReader(client, "approvals"), upstream)
    reconciler.run(Producer(connection=client))
    return reconciler.done


@pytest.mark.parametrize("kind", [approval, decision])
def test_what_redis_lost_is_published_again_by_content(
    upstream: BatchConnection, client: redis.Redis, kind: Callable[..., AnyEvent]
) -> None:
    """Applied and given-up events are settled; an event of the other kind under the id is not."""
    other: Callable[..., AnyEvent] = decision if kind is approval else approval
    applied, given_up, lost, conflicting = (kind(n) for n in range(4))
    apply(upstream, [delivery(applied), delivery(given_up)._replace(failure=GIVEN_UP)])
    apply(upstream, [delivery(other(event_id=conflicting.event_id))._replace(failure=GIVEN_UP)])
    discard(upstream, chosen(upstream), actor="op", reason="r")
    for event in (applied, given_up, lost, conflicting):
        spelled = json.dumps(json.loads(event.canonical_json()), indent=1)
        upstream.execute(
            "INSERT INTO signoff_outbox (event, published_at) VALUES (%s, now())", [spelled]
        )
    assert prune(OutboxTable(upstream), upstream, timedelta(0)) == Pruned(2, kept=2)
    done = reconcile(upstream, client)
    assert (done.lost, done.published) == (2, 2)
    assert_queued(client, [lost, conflicting])


# Workers


def test_a_mixed_batch_is_read_as_its_jobs_are() -> None:
    """Whatever its neighbours are; a job's function must agree with the event's type."""
    events = both(4)
    jobs = [Job(str(n), encode_job(e.canonical_json(), type(e))) for n, e in enumerate(events)]
    jobs += [
        Job("a decision", encode_job(decision().canonical_json(), ApprovalEvent)),
        Job("an approval", encode_job(approval().canonical_json(), StatusDecision)),
        Job("invalid", encode_job(b'{"event_type":"status_decision"}', StatusDecision)),
    ]

    read = read_jobs(jobs)

    assert read == [Delivery.of_job(job) for job in jobs]
    assert [one.event for one in read] == [*events, None, None, None]
    assert [one.content_hash for one in read[:4]] == [
        content_hash(event.canonical_json()) for event in events
    ]


def test_a_decision_without_event_type_is_listed_as_a_decision(connection: BatchConnection) -> None:
    """The job's function says it; a replay, which fails likewise, does not change that."""
    fields = decision().model_dump(mode="json", exclude={"event_type"})
    job = Job("j", encode_job(to_json(fields), StatusDecision))
    apply(connection, [Delivery.of_job(job)])
    (letter,) = letters_in(connection)
    assert (letter.event_type, letter.user_id) == ("status_decision", fields["user_id"])

    replay(connection, [letter.id], actor="op")

    (letter,) = letters_in(connection)
    assert letter.event_type == "status_decision"


def test_a_job_whose_function_and_event_disagree_is_a_dead_letter(
    connection: BatchConnection,
) -> None:
    """The letter says so, has the event's ids, and its replay reads the event as what it says."""
    event = decision(0, user_id="ann")
    job = Job("j", encode_job(event.canonical_json(), ApprovalEvent))
    (outcome,) = apply(connection, [Delivery.of_job(job)])
    assert outcome.result == "invalid_payload"
    (letter,) = letters_in(connection)
    assert letter.message == (
        "event_type must be 'approval': the job's function, or the caller, reads an approval event;"
        " found 'status_decision'"
    )
    assert (letter.event_id, letter.user_id) == (event.event_id, "ann")
    dry = replay(connection, [letter.id], actor="op", dry_run=True)
    assert dry.counts == {"applied": 1}
    assert replay(connection, [letter.id], actor="op").counts == dry.counts
    assert customer(connection, "ann") == ("CHURNED", "0.00")
    assert audit(connection).differing == 0


def test_both_kinds_are_abandoned_retried_and_replayed(connection: BatchConnection) -> None:
    """Given-up events are dead letters unless they are in the ledger; a replay applies both."""
    ground = approval(0, customer_status="CUSTOMER")
    rule = decision(1, rests_on=ground.event_id)
    given_up = [delivery(event)._replace(failure=GIVEN_UP) for event in (ground, rule)]
    unknown = delivery(approval(2, user_id=None))
    results = [str(o.result) for o in apply(connection, [*given_up, unknown], retries=3)]
    assert results == ["abandoned", "abandoned", "retry"]
    dry = replay(connection, chosen(connection), actor="op", dry_run=True)
    assert dry.counts == {"applied": 2}
    assert replay(connection, chosen(connection), actor="op").counts == {"applied": 2}
    again = [str(o.result) for o in apply(connection, given_up)]
    assert again == ["duplicate", "duplicate"]
    assert letters_in(connection) == []
    assert customer(connection, "user-1") == ("CHURNED", "0.00")


def test_a_letter_of_a_decision_is_resolved_when_the_decision_arrives(
    connection: BatchConnection,
) -> None:
    """By the same content only."""
    event = decision(0)
    other = event.model_copy(update={"reason": "another"})
    given_up = [delivery(one)._replace(failure=GIVEN_UP) for one in (event, other)]
    apply(connection, given_up)
    assert [str(o.result) for o in apply(connection, [delivery(event)])] == ["applied"]
    (left,) = letters_in(connection)
    assert left.event_id == event.event_id
    assert replay(connection, [left.id], actor="op").counts == {"event_conflict": 1}


def test_stock_rq_workers_apply_both_kinds(
    client: redis.Redis,
    redis_url: str,
    database_url: str,
    connection: BatchConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One job at a time, with RQ's own worker; the results are the verdicts."""
    monkeypatch.setenv("SIGNOFF_DATABASE_URL", database_url)
    monkeypatch.setenv("SIGNOFF_REDIS_URL", redis_url)
    ground = approval(0, customer_status="CUSTOMER")
    rule = decision(1, rests_on=ground.event_id)
    Producer(connection=client).publish(rule)
    Producer(connection=client).publish(ground)
    queue = Queue("approvals", connection=client, serializer=JSONSerializer)
    queue.enqueue(FUNCTIONS[StatusDecision], json.loads(decision(2).canonical_json()))
    queue.enqueue(FUNCTIONS[ApprovalEvent], json.loads(decision(3).canonical_json()))
    worker = SimpleWorker([queue], connection=client, serializer=JSONSerializer)
    jobs = [queue.fetch_job(job_id) for job_id in queue.job_ids]
    worker.work(burst=True)
    assert [str(job.return_value(refresh=True)) for job in jobs if job] == [
        "void",
        "applied",
        "applied",
        "invalid_payload",
    ]
    assert customer(connection, "user-1") == ("CHURNED", "0.00")
    assert [letter.kind for letter in letters_in(connection)] == ["invalid_payload"]
    assert audit(connection).differing == 0


def test_the_connection_of_a_stock_worker_is_closed(redis_url: str, database_url: str) -> None:
    """When its process ends."""
    event = json.loads(approval().canonical_json())
    code = f"from signoff_worker.jobs import apply_approval; print(apply_approval({event!r}))"
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment(redis_url, database_url),
        capture_output=True,
        timeout=DEADLINE,
        check=True,
    )
    assert (ended.stdout, ended.stderr) == (b"applied\n", b"")
