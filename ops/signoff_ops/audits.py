"""Audits that run in the background, and their results; `audit.py` does the audit itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from signoff_db.audits import stored
from signoff_db.audits.stored import AuditState, LatestAudits, StoredAudit
from signoff_db.connection import DatabaseUnavailableError
from signoff_ops.audit import Audit, audit
from signoff_ops.servers import Servers
from signoff_schemas import SettingsError, SignoffError
from signoff_schemas.wording import count, shortened

__all__ = [
    "AuditState",
    "LatestAudits",
    "StoredAudit",
    "keep_audit",
    "latest_audits",
    "report_of",
    "request_audit",
    "run_next_audit",
    "sentences",
]

_MOST_LISTED: Final = 100
"""Differences and jobs that a report lists; all are counted."""
_LONGEST: Final = 300


def request_audit(servers: Servers, actor: str) -> StoredAudit:
    """Ask for an audit, which the process of the operations runs; one at a time waits or runs.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return stored.request(connection, actor)


def latest_audits(servers: Servers) -> LatestAudits:
    """The audit that waits or runs, and the last results.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return stored.latest(connection)


def run_next_audit(servers: Servers, *, run: Callable[[Servers], Audit] = audit) -> bool:
    """Run an audit that was asked for, if there is one, and keep its result; whether it did.

    One process at a time runs audits. If it dies, the next one begins its audit anew.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable; the audit is begun anew later.
    """
    with servers.database() as connection, stored.alone(connection) as alone:
        audit_id = stored.begin(connection) if alone else None
        if audit_id is None:
            return False
        try:
            found = run(servers)
        except DatabaseUnavailableError:
            raise
        except SignoffError as error:
            stored.fail(connection, audit_id, shortened(str(error), _LONGEST * 3))
        else:
            stored.finish(connection, audit_id, report_of(found), clean=found.clean)
    return True


def keep_audit(servers: Servers, actor: str, started_at: datetime, found: Audit) -> None:
    """Keep the result of an audit that a command has run, if the database takes it.

    An audit may be run against a standby, by a role that only reads, or before `signoff migrate`.
    """
    with suppress(DatabaseUnavailableError, SettingsError), servers.database() as connection:
        stored.record(connection, actor, started_at, report_of(found), clean=found.clean)


def report_of(found: Audit) -> dict[str, Any]:
    """What is kept of an audit, bounded."""
    report, queue = found.database, found.queue
    return {
        "totals": {**asdict(report.totals), "ltv_usd": f"{report.totals.ltv_usd:.2f}"},
        "differing": report.differing,
        "differences": [_cut(asdict(one)) for one in report.differences[:_MOST_LISTED]],
        "queue": asdict(queue.counts),
        "unlisted_jobs": _listed(queue.unlisted_jobs),
        "missing": _listed(queue.missing),
        "missing_jobs": _listed(queue.missing_jobs),
    }


def _cut(difference: Mapping[str, str | None]) -> dict[str, str | None]:
    return {name: text and shortened(text, _LONGEST) for name, text in difference.items()}


def _listed(job_ids: Sequence[str]) -> dict[str, Any]:
    """How many jobs, and the ids of the first ones."""
    first = [shortened(job_id, _LONGEST) for job_id in job_ids[:_MOST_LISTED]]
    return {"count": len(job_ids), "first": first}


def sentences(report: Mapping[str, Any]) -> Iterator[str]:
    """What an audit found, in words."""
    totals, queue = report["totals"], report["queue"]
    yield f"{count(totals['events'], 'event')} in the ledger."
    differing = report["differing"]
    if differing:
        yield f"{count(differing, 'difference')} between the ledger and the tables."
    else:
        yield "Every table equals their fold."
    lost = list(_unaccounted(report))
    yield from lost
    if not lost:
        yield (
            f"Every job in Redis is accounted for: {queue['waiting']:,} waiting, "
            f"{queue['in_flight']:,} in flight, {queue['scheduled']:,} scheduled for a retry."
        )


def _unaccounted(report: Mapping[str, Any]) -> Iterator[str]:
    whats = {
        "unlisted_jobs": "in Redis, but on no list: no worker will find it. Publishing its event "
        "again lists it.",
        "missing": "on the queue without data in Redis.",
        "missing_jobs": "accepted, but its data was gone when a worker took it, and the ledger "
        "does not know it: publish its event again.",
    }
    for name, what in whats.items():
        if number := report[name]["count"]:
            yield f"{count(number, 'job')}: {what}"
