"""Real workers on both kinds of events, mixed: killed, poisoned, sent odd jobs."""

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
import redis
from approvals import TEN, approval, decision
from letters import letters_in
from mixed import mixed_events
from processes import KEYS, environment, eventually, exit_code, idle, process, worker
from reference import fold, read

from signoff_db.audit import audit
from signoff_db.connection import connect
from signoff_producer import Producer
from signoff_queue.reader import QueueReader
from signoff_schemas import AnyEvent, ApprovalEvent, StatusDecision, encode_job
from signoff_schemas.keys import JOB_PREFIX

EVENTS: Final = 300
BATCH: Final = 20


class Deployment:
    """Both servers, and what a test does with them."""

    def __init__(self, redis_url: str, database_url: str, folder: Path) -> None:
        self.log = folder / "worker.log"
        self.reader_log = folder / "reader.log"
        self.env = environment(redis_url, database_url, batch_size=BATCH, max_redeliveries=1)
        self.redis = redis.Redis.from_url(redis_url)
        self.database = connect(database_url)

    def push(self, job_id: str, data: bytes) -> None:
        """Put a job on the queue, as any language may."""
        self.redis.hset(JOB_PREFIX + job_id, "data", data)
        self.redis.rpush(KEYS.waiting, job_id)

    def until_idle(self) -> None:
        """Wait for the queue to be worked off."""
        eventually(
            lambda: idle(self.redis),
            what="the queue is empty",
            log=self.log,
            saw=QueueReader(self.redis, KEYS.name).counts,
        )

    @contextmanager
    def crashing_reader(self) -> Iterator[subprocess.Popen[bytes]]:
        """A reader of the feed, which notes each event, and is killed ten times meanwhile."""
        self.database.execute("CREATE TABLE noted (event_id uuid)")
        points = ["after effects", "before commit"] * 5
        command = [sys.executable, "-m", "crashing_reader", "again", *points]
        with process(*command, env=self.env, log=self.reader_log) as reader:
            yield reader

    def until_noted(self, reader: subprocess.Popen[bytes]) -> list[UUID]:
        """Wait until the reader was killed ten times and has caught up; returns what it noted."""
        query = "SELECT (SELECT count(*) FROM noted) >= (SELECT count(*) FROM approvals)"
        eventually(
            lambda: (
                self.reader_log.read_text().count("died") == 10
                and self.database.execute(query).fetchone() == (True,)
            ),
            what="the reader has read all",
            log=self.reader_log,
        )
        reader.send_signal(signal.SIGTERM)
        assert exit_code(reader, log=self.reader_log) == 0
        return [row[0] for row in self.database.execute("SELECT event_id FROM noted")]


@pytest.fixture
def deployment(redis_url: str, database_url: str, tmp_path: Path) -> Iterator[Deployment]:
    """Both servers, empty."""
    deployment = Deployment(redis_url, database_url, tmp_path)
    with deployment.redis, deployment.database:
        yield deployment


@pytest.mark.parametrize("point", ["before commit", "between the kinds", "after commit"])
def test_two_workers_of_which_one_is_killed_end_in_the_fold(
    deployment: Deployment, point: str
) -> None:
    """Both kinds, shuffled, each sent twice; void decisions included; audit is green.

    A reader of the feed that is killed ten times meanwhile has seen each event once.
    """
    chance = random.Random(point)
    events = mixed_events(chance, EVENTS, TEN, TEN + timedelta(days=1), users=5)
    # A second job of the same event has an id of its own: the queue cannot tell.
    jobs = [(f"{n}-{e.event_id}", encode_job(e.canonical_json(), type(e)))
            for e in events for n in range(2)]  # fmt: skip
    chance.shuffle(jobs)
    workers = QueueReader(deployment.redis, KEYS.name)

    def push_a_few() -> None:
        for _ in range(BATCH):
            deployment.push(*(jobs.pop() if jobs else _again(events[0], chance)))

    with (
        deployment.crashing_reader() as reader,
        worker(deployment.env, deployment.log),
        worker(deployment.env, deployment.log, crash_at=point) as doomed,
    ):
        eventually(
            lambda: len(workers.workers(silent_after=60)) == 2, what="both wait", log=deployment.log
        )

        def killed() -> bool:
            push_a_few()
            return doomed.poll() is not None

        eventually(killed, what="one of them took a batch and died", log=deployment.log)
        assert exit_code(doomed) == -signal.SIGKILL
        with worker(deployment.env, deployment.log):
            while jobs:
                push_a_few()
            deployment.redis.delete(
                KEYS.leases
            )  # as time ends them: what the dead one held comes back
            deployment.until_idle()
            noted = deployment.until_noted(reader)
    assert sorted(noted) == sorted(event.event_id for event in events)
    expected = fold(events)
    assert 0 < len(expected.void) < sum(isinstance(event, StatusDecision) for event in events)
    assert read(deployment.database) == expected
    assert audit(deployment.database).differing == 0
    assert letters_in(deployment.database) == []


def _again(event: AnyEvent, chance: random.Random) -> tuple[str, bytes]:
    job_id = f"{chance.getrandbits(64)}-{event.event_id}"
    return job_id, encode_job(event.canonical_json(), type(event))


def test_what_is_wrong_with_a_job_costs_that_job_alone(deployment: Deployment) -> None:
    """A worker's batches hold both kinds, poison of both, and jobs that no worker can read."""
    ground = approval(0, customer_status="CUSTOMER")
    rule = decision(1, rests_on=ground.event_id)
    good: list[AnyEvent] = [ground, rule, *[approval(n) for n in range(2, 30)]]
    poison: list[AnyEvent] = [decision(40, user_id="poison"), approval(41, user_id="poison")]
    misnamed = decision(50, user_id="misnamed")
    producer = Producer(connection=deployment.redis)
    assert all(one.ok for one in producer.publish_many([*good[::-1], *poison, decision(60)]))
    deployment.push("misnamed", encode_job(misnamed.canonical_json(), ApprovalEvent))
    deployment.push("large", encode_job(b'{"reason":"' + b"r" * 400_000 + b'"}', StatusDecision))
    deployment.push("no event", encode_job(b"{}", StatusDecision))
    with worker(deployment.env, deployment.log, crash_at="of poison", mode="again") as workers:
        assert exit_code(workers, log=deployment.log) == 0
    letters: dict[str, Any] = {one.job_id: one for one in letters_in(deployment.database)}
    assert {key: letter.kind for key, letter in letters.items()} == {
        **{str(one.event_id): "abandoned" for one in poison},
        "misnamed": "invalid_payload",
        "large": "invalid_payload",
        "no event": "invalid_payload",
    }
    assert "reads an approval event; found 'status_decision'" in letters["misnamed"].message
    assert letters["misnamed"].event_id == misnamed.event_id
    void = deployment.database.execute(
        "SELECT count(*) FROM status_decisions WHERE void"
    ).fetchone()
    assert void == (0,)
    assert audit(deployment.database).differing == 0
