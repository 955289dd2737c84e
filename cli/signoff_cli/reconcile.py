"""`signoff reconcile`."""

from dataclasses import asdict
from typing import Annotated

import typer

from signoff_cli.terminal import AsJson, complain, say, show_json
from signoff_ops.reconcile import reconcile as run_reconcile
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.values import Reconciled
from signoff_producer import QueueUnavailableError
from signoff_schemas.wording import count


def reconcile(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Publish nothing; exit 1 if an event is lost.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Find events of the outbox that Redis lost, and publish them again.

    Lost is what a relay published and what is neither queued, nor in the ledger, nor a dead letter;
    what the queue refused is tried again too. Safe at any time, and beside relays and workers. Exit
    1 if an event stays lost.
    """
    found = run_reconcile(DirectServers(load_settings()), dry_run=dry_run)
    trouble = found.trouble
    if as_json:
        text = trouble and str(trouble)
        show_json({**asdict(found.done), "dry_run": dry_run, "trouble": text})
    else:
        _show(found.done, dry_run=dry_run)
    if trouble:
        complain(f"signoff: stopped before the end: {trouble}")
    if isinstance(trouble, QueueUnavailableError):
        raise typer.Exit(2)
    if not found.complete:
        raise typer.Exit(1)


def _show(done: Reconciled, *, dry_run: bool) -> None:
    say(
        f"Looked at {count(done.looked_at, 'event')} that a relay was done with: "
        f"{done.settled:,} in the ledger or the dead letters, {done.queued:,} queued, "
        f"{done.lost:,} lost."
    )
    for event_id in done.examples:
        say(f"  {event_id}")
    if done.lost > len(done.examples):
        say(f"  and {done.lost - len(done.examples):,} more")
    if done.lost and dry_run:
        say("Nothing was published; without --dry-run they are published again.")
    elif done.lost:
        say(f"Published again: {done.published:,}; refused by the queue: {done.refused:,}.")
    if done.refused:
        say("Why they are refused: `signoff outbox refused`.")
