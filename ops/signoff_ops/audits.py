"""Audits that run in the background, and their results; `audit.py` does the audit itself."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from signoff_db.audits import stored
from signoff_db.audits.stored import AuditState, LatestAudits, StoredAudit
from signoff_db.connection import DatabaseUnavailableError
from signoff_db.operations.table import has_runner
from signoff_ops.audit import Audit, audit
from signoff_ops.operations import RUNNER_AWAY_AFTER
from signoff_ops.servers import DirectServers, KeptConnection, Servers
from signoff_schemas import Settings, SettingsError, SignoffError
from signoff_schemas.wording import count, shortened

__all__ = [
    "AuditState",
    "LatestAudits",
    "StoredAudit",
    "keep_audit",
    "latest_audits",
    "report_of",
    "request_audit",
    "run_audits",
    "run_next_audit",
    "sentences",
    "waiting_note",
]

log: Final = logging.getLogger("signoff.audits")
_POLL: Final = 2.0
"""Seconds between looks for an audit that was asked for."""
_AFTER_AN_OUTAGE: Final = 10.0
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


def waiting_note(servers: Servers, audits: LatestAudits) -> str | None:
    """What people must know if an audit waits and no process is there that runs it.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    if audits.open is None or audits.open.state is not AuditState.WAITING:
        return None
    with servers.database() as connection:
        if has_runner(connection, RUNNER_AWAY_AFTER):
            return None
    return (
        "No process is there that runs it: start `signoff operations run`, or `signoff serve`, "
        "which runs one; or run `signoff audit`."
    )


def run_next_audit(servers: Servers, *, run: Callable[[Servers], Audit] = audit) -> bool:
    """Run an audit that was asked for, if there is one, and keep its result; whether it did.

    One process at a time runs audits. If it dies, or Postgres is away, the audit is begun anew. Of
    one that cannot be run to its end the reason is kept.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection, stored.alone(connection) as alone:
        audit_id = stored.begin(connection) if alone else None
        if audit_id is None:
            return False
        try:
            found = run(servers)
        except Exception as error:
            log.exception("audit %d failed", audit_id)
            # If Postgres is away, this fails too, and the audit is begun anew later.
            stored.fail(connection, audit_id, _why(error))
        else:
            stored.finish(connection, audit_id, report_of(found), clean=found.clean)
            log.info("audit %d is done", audit_id)
    return True


def run_audits(settings: Settings, stop: threading.Event) -> None:
    """Run the audits that are asked for, until `stop` is set; outages are waited for.

    An audit that is under way then is begun anew by the next process.
    """
    with KeptConnection(settings) as servers:
        while not stop.is_set():
            try:
                if latest_audits(servers).open and run_next_audit(DirectServers(settings)):
                    continue
            except SignoffError as error:
                log.warning("no audits are run now: %s", error)
                stop.wait(_AFTER_AN_OUTAGE)
            stop.wait(_POLL)


def _why(error: Exception) -> str:
    """A sentence for the operator; the log has the rest."""
    if isinstance(error, SignoffError):
        return shortened(str(error), _LONGEST * 3)
    return f"it met a defect of Signoff ({type(error).__name__}); the log of its process has more"


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
        yield "Every table holds exactly what the ledger's events add up to."
    if dead := totals["dead"]:
        are = "is" if dead == 1 else "are"
        yield f"{count(dead, 'dead letter')} {are} open: not applied yet."
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
