"""Workers on separate hosts, and a host that is lost."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from approvals import approval
from hosts import Host, reachable, why_not
from processes import KEYS, environment, eventually, idle, process
from redis import Redis
from reference import fold, read

from signoff_db.audit import audit
from signoff_db.connection import connect
from signoff_producer import ApprovalEvent, Producer
from signoff_schemas.keys import SUSPENDED

EVENTS = 20_000
WORKER = (sys.executable, "-m", "signoff_cli", "worker")


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    """Two hosts, each with a network cable."""
    if reason := why_not():
        pytest.skip(f"no network namespaces: {reason}")
    with Host().up() as one, Host().up() as other:
        yield one, other


def many_events() -> list[ApprovalEvent]:
    """Events with common interactions and customers, so that both hosts change the same rows."""
    interactions = [approval().interaction_id for _ in range(5000)]
    return [
        approval(
            n / 1000,
            interaction_id=interactions[n % 5000],
            user_id=f"user-{n % 5000 % 700}",
            customer_status="CUSTOMER" if n % 3 else "CHURNED",
            ltv_amount="1.25",
        )
        for n in range(EVENTS)
    ]


def test_a_host_that_dies_in_the_middle_loses_and_doubles_nothing(
    hosts: tuple[Host, Host], redis_url: str, database_url: str, tmp_path: Path
) -> None:
    """Two hosts share a queue; one is unplugged and killed, and the other does the rest."""
    events = many_events()
    log = tmp_path / "workers.log"
    with ExitStack() as stack:
        redis = stack.enter_context(Redis.from_url(redis_url))
        database = stack.enter_context(connect(database_url))
        receipts = list(Producer(connection=redis).publish_many(events))
        assert all(receipt.ok for receipt in receipts)
        redis.set(SUSPENDED, 1)
        workers = [
            stack.enter_context(
                process(
                    *host.running(*WORKER),
                    env=environment(
                        stack.enter_context(reachable(redis_url, host)),
                        stack.enter_context(reachable(database_url, host)),
                        redeliver_after=3,
                    ),
                    log=log,
                )
            )
            for host in hosts
        ]
        eventually(lambda: redis.scard("rq:workers") == 2, what="both hosts work", log=log)
        redis.delete(SUSPENDED)
        eventually(lambda: redis.zcard(KEYS.started) > 0, what="batches are taken", log=log)
        hosts[0].unplug()
        workers[0].kill()
        eventually(lambda: idle(redis), what="the queue is empty", log=log)
        assert read(database) == fold(events)
        report = audit(database)
        assert (report.totals.events, report.differing) == (EVENTS, 0)
