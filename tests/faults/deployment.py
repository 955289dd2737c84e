"""What faults happen to: servers, proxies in front of them, workers, publishers and readers."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from processes import KEYS, environment, eventually, idle

from faults.checker import Account, account
from faults.desk import Desk
from faults.events import FORBIDDEN, Published
from faults.facts import TIMEZONE, Facts
from faults.outbox import Outbox, add
from faults.postgres import Postgres, PostgresServer
from faults.process_group import ProcessGroup
from faults.proxy import Proxy, port_of, through
from faults.publisher import Way, impatient, publish
from faults.rapport import Rapport
from faults.readers import Readers
from faults.traffic import Publisher, Traffic
from faults.valkey import Valkey
from signoff_db.migrate import migrate
from signoff_producer import Receipt
from signoff_schemas.keys import JOB_PREFIX

_FEWEST: Final = 2
"""Publishers: faults need one with a spool and one with an outbox."""
_RELAYS: Final = 2
_REPLICATION_LAG: Final = 1.0
"""Seconds before a primary's death in which its replica may have missed what it accepted."""
_SETTINGS: Final = {"batch_size": 50, "max_redeliveries": 100, "redeliver_after": 3}
_REFUSE: Final = f"""
    ALTER TABLE approvals ADD CONSTRAINT house_rule CHECK (reviewer_notes <> '{FORBIDDEN}')"""


class Deployment:
    """The servers, each behind a proxy; workers, relays, publishers and readers of the feed."""

    def __init__(self, folder: Path, *, seed: int, processes: int, retries: int) -> None:
        """Start everything.

        Args:
            folder: where servers keep their data, and processes their logs.
            seed: decides what publishers publish.
            processes: the number of workers, and of publishers: the last one has an outbox, the one
                before a spool.
            retries: how often an event of an unknown interaction is tried again.

        Raises:
            ValueError: fewer than two processes are asked for.
        """
        ways = ways_of(processes)
        self.folder = folder
        self.published: dict[str, Published] = {}
        self.wiped: set[str] = set()
        """What was in a Redis that was wiped."""
        self.failovers: list[float] = []
        """When a primary died, in seconds since the epoch."""
        self._forgiven = 0.0
        """The time from which on lost events count."""
        self.outboxed: set[str] = set()
        """Events that were committed to the outbox: `signoff reconcile` can publish them again."""
        self.reconciled = 0
        """How many events `signoff reconcile` published again."""
        with ExitStack() as closing:
            self._closing = closing
            self._start_servers()
            self._start_processes(seed, ways, retries)
            self._closing = closing.pop_all()

    def _start_servers(self) -> None:
        self.redis = Valkey(self.folder / "valkey")
        self._closing.callback(self._close_redis)
        self.postgres = Postgres(self.folder / "postgres")
        self._closing.callback(self.postgres.close)
        migrate(self.postgres.url)
        self.postgres.execute(_REFUSE)
        self.outbox = Outbox(self.postgres.upstream_url)
        self.to_redis = self._network(self.redis.port)
        self.to_postgres = self._network(port_of(self.postgres.url))
        self.second = PostgresServer(self.folder / "second")
        self._closing.callback(self.second.close)
        self.to_second = self._network(port_of(self.second.url))

    def _start_processes(self, seed: int, ways: Sequence[Way], retries: int) -> None:
        redis_url = through(self.redis.url, self.to_redis)
        database_url = through(self.postgres.url, self.to_postgres)
        self.env = environment(redis_url, database_url, retry_attempts=retries, **_SETTINGS)
        self.env["SIGNOFF_OUTBOX_URL"] = through(self.outbox.url, self.to_postgres)
        self.env["SIGNOFF_TIMEZONE"] = TIMEZONE
        self.env["SIGNOFF_RAPPORT_URL"] = through(self.second.url, self.to_second)
        self.env["PYTHONPATH"] += f":{Path(__file__).parents[1]}"
        self.workers = ProcessGroup("crashing_worker", self.folder / "workers.log", self.env)
        self.relays = ProcessGroup("crashing_relay", self.folder / "relays.log", self.env)
        for group, count in ((self.workers, len(ways)), (self.relays, _RELAYS)):
            self._closing.callback(group.close)
            group.start(count)
        self.readers = Readers(self.postgres, self.folder / "readers.log", self.env)
        self._closing.callback(self.readers.processes.close)
        self.facts = Facts(self.postgres, self.folder / "facts.log", self.env)
        self._closing.callback(self.facts.processes.close)
        self.rapport = Rapport(self.postgres, self.second, self.folder / "rapport.log", self.env)
        self._closing.callback(self.rapport.processes.close)
        eventually(
            lambda: self.redis.admin.scard("rq:workers") == len(ways),
            what="workers listen",
            log=self.workers.log,
        )
        self.publishers = [
            Publisher(seed, n, self.folder, self.env, way=way) for n, way in enumerate(ways)
        ]
        for publisher in self.publishers:
            self._closing.callback(publisher.close)
        self.desk = Desk(self.postgres, seed)
        self._producer = impatient(redis_url)
        self._closing.callback(self._producer.close)

    @property
    def following(self) -> tuple[Readers, Facts, Rapport]:
        """What follows the feed."""
        return self.readers, self.facts, self.rapport

    def differences(self) -> Iterator[str]:
        """What readers keep that differs from a rebuild; they have to have caught up."""
        yield from self.facts.findings()
        yield from self.rapport.findings()

    def traffic(self, rate: float) -> Traffic:
        """All publishers, together at so many events a second."""
        return Traffic(self.publishers, rate=rate)

    def publish(self, some: list[Published]) -> None:
        """Publish from this process until every event has its receipt."""
        self._note(publish(self._producer, some))

    def add(self, some: list[Published]) -> set[str]:
        """Commit events to the outbox; returns their ids."""
        added = add(self.env["SIGNOFF_OUTBOX_URL"], some)
        self._note(added)
        job_ids = {one.job_id for one in added}
        self.outboxed |= job_ids
        return job_ids

    def reconcile(self) -> None:
        """Publish again what Redis lost of the outbox."""
        self.reconciled += json.loads(self.command("reconcile", "--json"))["published"]

    def wipe_redis(self) -> set[str]:
        """FLUSHALL; returns the ids of the deleted jobs: those not applied yet are lost."""
        gone = self.redis.wipe()
        self.wiped |= gone
        return gone

    def may_be_lost(self) -> set[str]:
        """What Redis lost by design: was wiped, or not sent to a replica when the primary died."""
        lost = set(self.wiped)
        for died in self.failovers:
            first, last = died - _REPLICATION_LAG, died + _REPLICATION_LAG
            lost |= {i for i, one in self.published.items() if first <= one.at <= last}
            lost |= {one.job_id for one in self.spooled() if one.at <= last}
            lost |= self.outbox.relayed_since(first)
        return lost

    def spooled(self) -> list[Published]:
        """Events that went to a publisher's spool since the last `forgive`."""
        return [one for one in self.published.values() if one.spooled and one.at >= self._forgiven]

    def forgive(self) -> None:
        """Count lost events from now on."""
        self._forgiven = time.time()
        self.wiped.clear()
        self.failovers.clear()

    def publish_again(self, job_ids: set[str]) -> None:
        """Publish lost events again, as an upstream would; that is always safe."""
        lost = [self.published[job_id] for job_id in job_ids]
        self.publish([one for one in lost if one.event])
        self.push([one for one in lost if one.event is None])

    def push(self, jobs: list[Published]) -> None:
        """Put jobs on the queue as any language may, thousands at a time."""
        for start in range(0, len(jobs), 1000):
            with self.redis.admin.pipeline(transaction=True) as pipe:
                for job in jobs[start : start + 1000]:
                    pipe.hset(f"{JOB_PREFIX}{job.job_id}", "data", job.data)
                    pipe.rpush(KEYS.waiting, job.job_id)
                pipe.execute()
        self._note(jobs)

    def fail(self, jobs: list[Published]) -> None:
        """Put jobs into RQ's failed registry, as RQ does."""
        with self.redis.admin.pipeline(transaction=True) as pipe:
            for job in jobs:
                pipe.hset(f"{JOB_PREFIX}{job.job_id}", "data", job.data)
                pipe.zadd(KEYS.failed, {job.job_id: 9e9})
            pipe.execute()
        self._note(jobs)

    def collect(self) -> int:
        """Read what publishers got receipts for; returns how many there are in all."""
        for publisher in self.publishers:
            got = list(publisher.receipts())
            self._note(got)
            if publisher.way == "outbox":
                self.outboxed |= {one.job_id for one in got}
        return len(self.published)

    def try_to_publish(self, some: list[Published]) -> list[Receipt]:
        """Try once to publish; returns the receipts."""
        return list(self._producer.publish_many(one.event for one in some if one.event))

    def applied(self, one: Published) -> bool:
        """Whether the ledger holds the event."""
        query = "SELECT 1 FROM approvals WHERE event_id = %s::uuid"
        return bool(self.postgres.execute(query, one.job_id))

    def dead(self, some: list[Published]) -> dict[str, int]:
        """The open dead letters of these events, by event."""
        rows = self.postgres.execute(
            "SELECT job_id, id FROM dead_letters WHERE state = 'dead' AND job_id = ANY(%s)",
            [one.job_id for one in some],
        )
        return dict(rows)

    def until_relayed(self) -> None:
        """Wait until nothing waits in the outbox."""
        eventually(
            lambda: not self.outbox.waiting(), what="the outbox is empty", log=self.relays.log
        )

    def has_spooled(self) -> bool:
        """Whether events wait in a publisher's spool."""
        return any(publisher.has_spooled() for publisher in self.publishers)

    def flush_spools(self) -> None:
        """Publish what publishers that have stopped left on their disks; all of it is taken."""
        for publisher in self.publishers:
            if publisher.has_spooled():
                self.command("spool", publisher.spool)

    def until_idle(self) -> None:
        """Wait until outbox and spools are empty and the queue is drained."""
        self.flush_spools()
        self.until_relayed()
        eventually(
            lambda: idle(self.redis.admin), what="the queue is drained", log=self.workers.log
        )

    def account(self) -> Account:
        """Account for everything that was published so far."""
        self.collect()
        with self.postgres.admin() as database:
            return account(self.published, database)

    def command(self, *arguments: object) -> str:
        """Run the command line to its end; returns what it printed."""
        command = [sys.executable, "-m", "signoff_cli", *map(str, arguments)]
        ran = subprocess.run(
            command, env=self.env, cwd=self.folder, capture_output=True, check=False, text=True
        )
        if ran.returncode:
            raise AssertionError(
                f"{arguments} ended with {ran.returncode}:\n{ran.stdout}\n{ran.stderr}"
            )
        return ran.stdout

    def close(self) -> None:
        """End everything."""
        self._closing.close()

    def _close_redis(self) -> None:
        self.redis.close()  # after a failover it may be another server than at the start

    def _note(self, some: list[Published]) -> None:
        self.published |= {one.job_id: one for one in some}

    def _network(self, port: int) -> Proxy:
        proxy = Proxy(port)
        self._closing.callback(proxy.close)
        return proxy


def ways_of(publishers: int) -> list[Way]:
    """How each of the publishers publishes.

    Raises:
        ValueError: they are fewer than two.
    """
    if publishers < _FEWEST:
        raise ValueError(
            f"a deployment has at least {_FEWEST} processes, for a publisher with a spool and one "
            f"with an outbox; found {publishers}"
        )
    plain: list[Way] = ["queue"] * (publishers - _FEWEST)
    return [*plain, "spool", "outbox"]
