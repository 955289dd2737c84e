"""What every scenario uses: durable servers, the same events, real worker processes."""

import operator
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count as count_from_zero
from itertools import islice
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

from redis import Redis

from signoff import Producer
from signoff_db.connection import BatchConnection, connect, connect_for_batches
from signoff_db.delivery import Delivery
from signoff_db.migrate import migrate
from signoff_db.sql import statement
from signoff_embedded import embedded_services
from signoff_schemas import AnyEvent, ApprovalEvent, CustomerStatus, StatusDecision
from signoff_schemas.keys import QueueKeys

QUEUE = "approvals"
KEYS = QueueKeys(QUEUE)
ASIDE = f"{KEYS.waiting}:aside"
INTERACTIONS = 50_000
CUSTOMERS = 20_000
START = datetime(2026, 1, 1, tzinfo=UTC)
RELATIONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "<": operator.lt,
}


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, and what it is compared with."""

    scenario: str
    ours: float
    unit: str
    compared_with: str = ""
    theirs: float | None = None
    target: str = ""
    """What the ratio should be, or `ours` where there is no ratio, such as `>= 0.8`."""

    @property
    def ratio(self) -> float | None:
        """Ours to theirs."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None if there is none."""
        if not self.target:
            return None
        relation, bound = self.target.split()
        measured = self.ours if self.ratio is None else self.ratio
        return RELATIONS[relation](measured, float(bound))


class Deployment:
    """Both servers, with durable settings, and what is needed to measure on them."""

    def __init__(self, redis_url: str, database_url: str, folder: Path) -> None:
        self.redis_url = redis_url
        self.database_url = database_url
        self.folder = folder
        self.redis = Redis.from_url(redis_url)
        self.database: BatchConnection = connect_for_batches(database_url, application="bench")

    def clear(self) -> None:
        """Empty both servers, and have Postgres write its changed pages to disk."""
        self.redis.flushall()
        self.database.execute(
            "ALTER TABLE approvals DISABLE TRIGGER USER;"
            " ALTER TABLE pruned_letters DISABLE TRIGGER USER;"
            " TRUNCATE interactions, approvals, customers, dead_letters,"
            " pruned_letters, status_decisions;"
            " ALTER TABLE approvals ENABLE TRIGGER USER;"
            " ALTER TABLE pruned_letters ENABLE TRIGGER USER;"
            # The ledger is empty too: no event is of an interaction that was deleted.
            " SELECT setval('interactions_deleted', 0)"
        )
        self.database.execute("CHECKPOINT")

    def publish(self, events: Sequence[AnyEvent]) -> None:
        """Put events on the queue."""
        for receipt in Producer(connection=self.redis, queue=QUEUE).publish_many(events):
            if not receipt.ok:
                raise AssertionError(receipt)

    def drained(self) -> bool:
        """Whether no event is waiting or in flight."""
        with self.redis.pipeline() as pipe:
            pipe.llen(KEYS.waiting)
            pipe.zcard(KEYS.started)
            return not any(pipe.execute())

    def drain(self, workers: int = 1, **settings: Any) -> float:
        """Seconds in which workers that are already waiting empty a full queue.

        The queue is renamed until all workers wait for it. Suspending them instead would not do:
        they would resume one by one, within a second.
        """
        self.redis.rename(KEYS.waiting, ASIDE)
        with self.workers(workers, **settings) as running:
            while self.redis.info("clients")["blocked_clients"] < workers:
                self.require_alive(running)
                time.sleep(0.02)
            start = time.perf_counter()
            self.redis.rename(ASIDE, KEYS.waiting)
            while not self.drained():
                self.require_alive(running)
                time.sleep(0.005)
            return time.perf_counter() - start

    def require_alive(self, workers: Sequence[subprocess.Popen[bytes]]) -> None:
        """Raise an error if one of these processes has ended: its work will never be done."""
        if any(worker.poll() is not None for worker in workers):
            raise AssertionError(self.output_of(workers))

    def output_of(self, workers: Sequence[subprocess.Popen[bytes]]) -> str:
        """Their commands, their exit codes, and the last part of all workers' logs."""
        ends = [f"{worker.args!r} (exit status {worker.poll()})" for worker in workers]
        logs = [log.read_text("utf-8", "replace")[-2000:] for log in self.folder.glob("*.log")]
        return "\n".join([*ends, *logs])

    @contextmanager
    def workers(self, count: int, **settings: Any) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Run worker processes, as users run them, until the block ends.

        Then they are killed: each would take up to a second to notice that it should stop.
        """
        given = {f"SIGNOFF_{name.upper()}": str(value) for name, value in settings.items()}
        env = environment(self) | {"SIGNOFF_LOG_LEVEL": "WARNING", **given}
        with (self.folder / "workers.log").open("ab") as log:
            command = [sys.executable, "-m", "signoff_cli", "worker"]
            running = [subprocess.Popen(command, env=env, stderr=log) for _ in range(count)]
        try:
            yield running
        finally:
            self.redis.delete("rq:workers")
            for worker in running:
                worker.kill()
            for worker in running:
                worker.wait()

    def introduce(self, some: Sequence[ApprovalEvent]) -> None:
        """The upstream's own rows: the events' interactions, with their users, before any event."""
        users = {event.interaction_id: event.user_id for event in some}
        self.database.execute(
            "INSERT INTO interactions (id, user_id) SELECT * FROM unnest(%s::uuid[], %s::text[])",
            [list(users), list(users.values())],
        )

    def check(self, events: int, *, dead: int = 0) -> None:
        """All events are in the ledger, or open dead letters; the state equals their fold."""
        with connect(self.database_url) as connection:
            found = connection.execute(
                "SELECT (SELECT count(*) FROM approvals),"
                " (SELECT count(*) FROM dead_letters WHERE state = 'dead')"
            ).fetchone()
            differing = connection.execute(statement("audit"), {"limit": 5}).fetchall()
        if found != (events, dead) or differing:
            raise AssertionError(found, differing)


def environment(of: Deployment) -> dict[str, str]:
    """The environment of a process on these servers."""
    return {
        **os.environ,
        "SIGNOFF_REDIS_URL": of.redis_url,
        "SIGNOFF_DATABASE_URL": of.database_url,
    }


@contextmanager
def deployment() -> Iterator[Deployment]:
    """Servers of their own, in a throw-away folder: fsync on, AOF everysec."""
    with tempfile.TemporaryDirectory(prefix="signoff-bench-") as folder:
        data = Path(folder) / "data"
        with embedded_services(data) as services:
            migrate(services.database_url)
            yield Deployment(services.redis_url, services.database_url, Path(folder))


def events(
    count: int, *, seed: int = 7, interactions: int = INTERACTIONS, customers: int = CUSTOMERS
) -> list[ApprovalEvent]:
    """The same events each time: all five statuses, spread over interactions and customers."""
    return list(islice(stream(seed=seed, interactions=interactions, customers=customers), count))


def stream(
    *, seed: int = 7, interactions: int = INTERACTIONS, customers: int = CUSTOMERS
) -> Iterator[ApprovalEvent]:
    """The same events one by one, without end: a million events at once take gigabytes."""
    chance = random.Random(seed)
    ids = [UUID(int=chance.getrandbits(128)) for _ in range(interactions)]
    for n in count_from_zero():
        yield _event(chance, ids, customers, n)


def decisions(
    count: int, *, on: Sequence[ApprovalEvent] = (), seed: int = 11
) -> list[StatusDecision]:
    """The same status decisions each time, about the same customers.

    With `on`, each rests on one of these events, and is about that event's customer.
    """
    chance = random.Random(seed)
    return [
        StatusDecision(
            event_id=UUID(int=chance.getrandbits(128)),
            event_type="status_decision",
            occurred_at=START + timedelta(days=1, seconds=n),
            user_id=str(on[n].user_id) if on else f"customer-{chance.randrange(CUSTOMERS)}",
            customer_status=chance.choice(get_args(CustomerStatus)),
            decided_by="rule:churn-silence@3" if on else "service:billing",
            reason=f"the customer was silent for {n} days",
            rests_on=on[n].event_id if on else None,
        )
        for n in range(count)
    ]


def _event(chance: random.Random, ids: list[UUID], customers: int, n: int) -> ApprovalEvent:
    which = chance.randrange(len(ids))
    return ApprovalEvent(
        event_id=UUID(int=chance.getrandbits(128)),
        occurred_at=START + timedelta(seconds=n),
        interaction_id=ids[which],
        user_id=f"customer-{which % customers}",
        reviewer_id=f"reviewer-{chance.randrange(10)}",
        final_bubbles=("thanks for your order!", f"that is number {n}"),
        edit_tags=("CTA_SOFT",),
        quality_score=chance.randint(1, 5),
        customer_status=chance.choice(get_args(CustomerStatus)),
        ltv_amount=Decimal(chance.randint(0, 1000)) / 100,
    )


def deliveries(some: list[ApprovalEvent]) -> list[Delivery]:
    """The events as a worker has them after reading their jobs."""
    return [Delivery.of_payload(str(event.event_id), event.canonical_json()) for event in some]
