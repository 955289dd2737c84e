"""Prove the tables to be the fold of the ledger, and account for every event."""

from dataclasses import dataclass, replace

from signoff_db.audit import AuditReport
from signoff_db.audit import audit as audit_database
from signoff_db.locations import unknown_jobs
from signoff_ops.servers import Servers
from signoff_queue.accounting import QueueAccount, account_for
from signoff_queue.reader import QueueReader


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


def audit(servers: Servers) -> Audit:
    """Fold the ledger anew, compare it with the tables, and account for every job in Redis.

    Redis is read first, the database in one snapshot after it: workers may go on meanwhile.

    Raises:
        RedisUnavailableError, DatabaseUnavailableError: a server is away.
    """
    with servers.redis() as client:
        account = account_for(QueueReader(client, servers.settings.queue))
    with servers.database() as connection:
        report = audit_database(connection)
        unknown = tuple(unknown_jobs(connection, account.missing_jobs))
    return Audit(report, replace(account, missing_jobs=unknown))
