"""`signoff audit`: prove the tables to be the fold of the ledger, and account for every event."""

from dataclasses import asdict, replace

import typer

from signoff_cli.terminal import AsJson, say, show_fields, show_json, show_table
from signoff_db.audit import AuditReport
from signoff_db.audit import audit as audit_database
from signoff_db.read_connection import database_of
from signoff_db.reading import unknown_jobs
from signoff_ops.services import load_settings
from signoff_queue.accounting import QueueAccount, account_for
from signoff_queue.connection import redis_of
from signoff_queue.reader import QueueReader
from signoff_schemas.wording import count


def audit(*, as_json: AsJson = False) -> None:
    """Fold the ledger anew, compare it with the tables, and account for every event.

    Exit 1 on any difference. It reads one moment of the database, so workers may go on.
    """
    settings = load_settings()
    with redis_of(settings) as client:
        account = account_for(QueueReader(client, settings.queue))
    with database_of(settings) as connection:
        report = audit_database(connection)
        account = replace(
            account, missing_jobs=tuple(unknown_jobs(connection, account.missing_jobs))
        )
    if as_json:
        show_json(
            {
                "clean": is_clean(report, account),
                "database": asdict(report),
                "queue": asdict(account),
            }
        )
    else:
        show_audit(report, account)
    if not is_clean(report, account):
        raise typer.Exit(1)


def is_clean(report: AuditReport, account: QueueAccount) -> bool:
    """Whether everything is as it should be."""
    return not (
        report.differing or account.unlisted_jobs or account.missing or account.missing_jobs
    )


def show_audit(report: AuditReport, account: QueueAccount) -> None:
    """Totals, differences and the verdict."""
    totals = report.totals
    show_fields(
        [
            ("Applied events", totals.events),
            ("Interactions", totals.interactions),
            ("Customers", totals.customers),
            ("LTV in USD", totals.ltv_usd),
            ("Dead letters", totals.dead),
            ("  resolved", totals.resolved),
            ("  discarded", totals.discarded),
            ("Waiting", account.counts.waiting),
            ("In flight", account.counts.in_flight),
            ("Scheduled", account.counts.scheduled),
            ("Failed in RQ", account.counts.rq_failed),
        ]
    )
    _show_differences(report, account)
    if is_clean(report, account):
        say("Every table equals the fold of the ledger, and every event is accounted for.")


def _show_differences(report: AuditReport, account: QueueAccount) -> None:
    if report.differing:
        show_table(
            ["what", "key", "field", "expected", "found"],
            [[d.what, d.key, d.field, d.expected, d.found] for d in report.differences],
            title=f"{count(report.differing, 'difference')} between ledger and tables",
        )
    for job_id in account.unlisted_jobs:
        say(f"Job {job_id} is in Redis, but on no list: no worker will find it.")
    for job_id in account.missing:
        say(f"Job {job_id} is on the queue, but its data is gone from Redis.")
    for job_id in account.missing_jobs:
        say(
            f"Job {job_id} was accepted, its data was gone from Redis when a worker took it, and "
            "the ledger does not know it: publish the event again."
        )
