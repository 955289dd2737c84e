"""Check that the tables are the fold of the ledger, and account for every event."""

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
    """The result of an audit: the totals, the differences, and the jobs in Redis."""

    database: AuditReport
    queue: QueueAccount

    @property
    def clean(self) -> bool:
        """Whether there is no difference, and every job is accounted for."""
        queue = self.queue
        return not (
            self.database.differing or queue.unlisted_jobs or queue.missing or queue.missing_jobs
        )


def audit(servers: Servers, *, forget_missing: bool = False) -> Audit:
    """Fold the ledger, compare it with the tables, and account for every job in Redis.

    Redis is read first, and then the database in one snapshot, so workers may go on meanwhile. The
    ids of missing jobs that are in the database are removed from Redis. With `forget_missing` the
    other ids are removed too, after they are reported.

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
    """Those of the jobs that are not in the database, read in pages."""
    for start in range(0, len(job_ids), _PAGE):
        yield from unknown_jobs(connection, job_ids[start : start + _PAGE])
