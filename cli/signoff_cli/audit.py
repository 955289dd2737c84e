"""`signoff audit`."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from signoff_cli.dlq.acting import actor_of
from signoff_cli.terminal import AsJson, say, show_fields, show_json, show_table
from signoff_ops.audit import Audit
from signoff_ops.audit import audit as run_audit
from signoff_ops.audits import keep_audit
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_schemas.wording import count

_SHOWN: Final = 100


def audit(
    *,
    forget_missing: Annotated[
        bool,
        typer.Option("--forget-missing", help="Report ids without a job for the last time."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fold the ledger again, compare it with the tables, and account for every event.

    Exit 1 on any difference. It reads one moment of the database, so workers may go on. The result
    is kept for the console, if the database can be written to.
    """
    servers, began = DirectServers(load_settings()), datetime.now(UTC)
    found = run_audit(servers, forget_missing=forget_missing)
    keep_audit(servers, actor_of(None), began, found)
    if as_json:
        show_json({"clean": found.clean, **asdict(found)})
    else:
        _show(found)
    if not found.clean:
        raise typer.Exit(1)


def _show(found: Audit) -> None:
    """Totals, differences and the verdict."""
    totals, counts = found.database.totals, found.queue.counts
    show_fields(
        [
            ("Applied events", totals.events),
            ("  status decisions", totals.decisions),
            ("  void decisions", totals.void),
            ("Interactions", totals.interactions),
            ("Customers", totals.customers),
            ("LTV in USD", totals.ltv_usd),
            ("Open dead letters", totals.dead),
            ("Resolved dead letters", totals.resolved),
            ("Discarded dead letters", totals.discarded),
            ("Waiting", counts.waiting),
            ("In flight", counts.in_flight),
            ("Scheduled", counts.scheduled),
            ("Failed in RQ", counts.rq_failed),
        ]
    )
    _show_differences(found)
    if found.clean:
        say("Every table equals the fold of the ledger, and every event is accounted for.")


def _show_differences(found: Audit) -> None:
    report, queue = found.database, found.queue
    if report.differing:
        show_table(
            ["what", "key", "field", "expected", "found"],
            [[d.what, d.key, d.field, d.expected, d.found] for d in report.differences],
            title=f"{count(report.differing, 'difference')} between ledger and tables",
        )
    _say_each(
        queue.unlisted_jobs,
        "is in Redis, but on no list: no worker will find it. Publishing its event again lists it.",
    )
    _say_each(queue.missing, "is on the queue, but Redis has no data for it.")
    _say_each(
        queue.missing_jobs,
        "was accepted, its data was gone from Redis when a worker took it, and the ledger does not "
        "know it: publish the event again.",
    )


def _say_each(job_ids: Sequence[str], what: str) -> None:
    """Write one line for each of the first jobs; `--json` lists them all."""
    for job_id in job_ids[:_SHOWN]:
        say(f"Job {job_id} {what}")
    if len(job_ids) > _SHOWN:
        say(f"… and so for {count(len(job_ids) - _SHOWN, 'more job')}; --json lists them all.")
