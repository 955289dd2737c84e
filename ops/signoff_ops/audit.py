"""Prove the tables to be the fold of the ledger, and account for every event."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.audit import AuditReport
from signoff_db.audit import audit as audit_database
from signoff_db.locations import unknown_jobs
from signoff_ops.servers import Servers
from signoff_queue.accounting import QueueAccount, account_for, settle_missing
from signoff_queue.reader import QueueReader

_PAGE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Audit:
    """What was compared, and what differs."""

    database: AuditReport
    queue: QueueAccount

    @property
    def clean(self) -> bool:
        """Whether everything is as it should be."""
        queue = self.queue
        return not (
            self.database.differing or queue.unlisted_jobs or queue.missing or queue.missing_jobs
        )


def audit(servers: Servers, *, forget_missing: bool = False) -> Audit:
    """Fold the ledger anew, compare it with the tables, and account for every job in Redis.

    Redis is read first, the database in one snapshot after it: workers may go on meanwhile.
    Missing jobs that the database knows are settled: Redis forgets their ids. With
    `forget_missing` it forgets the others as well, once they are reported.

    Raises:
        RedisUnavailableError, DatabaseUnavailableError: a server is unavailable.
    """
    with servers.redis() as client:
        account = account_for(QueueReader(client, servers.settings.queue))
    with servers.database() as connection:
        report = audit_database(connection)
        unknown = tuple(_unknown(connection, account.missing_jobs))
    settled = set(account.missing_jobs).difference(() if forget_missing else unknown)
    if account.counts.missing_jobs:
        with servers.redis() as client:
            settle_missing(QueueReader(client, servers.settings.queue), settled)
    return Audit(report, replace(account, missing_jobs=unknown))


def _unknown(connection: Connection[TupleRow], job_ids: Sequence[str]) -> Iterator[str]:
    """Those of the jobs that the database does not know, looked up in pages."""
    for start in range(0, len(job_ids), _PAGE):
        yield from unknown_jobs(connection, job_ids[start : start + _PAGE])
