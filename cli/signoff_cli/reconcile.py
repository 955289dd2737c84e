"""`signoff reconcile`."""

from dataclasses import asdict
from typing import Annotated

import typer

from signoff_cli.terminal import AsJson, complain, say, show_json
from signoff_db.read_connection import database_of
from signoff_ops.producing import producer_of
from signoff_ops.services import load_settings
from signoff_producer import QueueFull, QueueUnavailableError
from signoff_queue.connection import redis_of
from signoff_queue.reader import QueueReader
from signoff_relay.connections import outbox_of
from signoff_relay.reconciling import Reconciled, Reconciler
from signoff_schemas import Settings
from signoff_schemas.wording import count

Trouble = QueueFull | QueueUnavailableError


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
    settings = load_settings()
    done, trouble = _reconcile(settings, dry_run=dry_run)
    if as_json:
        show_json({**asdict(done), "dry_run": dry_run, "trouble": trouble and str(trouble)})
    else:
        _tell(done, dry_run=dry_run)
    if trouble:
        complain(f"signoff: stopped before the end: {trouble}")
    if isinstance(trouble, QueueUnavailableError):
        raise typer.Exit(2)
    if trouble or done.lost > done.published:
        raise typer.Exit(1)


def _reconcile(settings: Settings, *, dry_run: bool) -> tuple[Reconciled, Trouble | None]:
    with (
        redis_of(settings) as client,
        database_of(settings) as database,
        outbox_of(settings) as table,
        producer_of(settings) as producer,
    ):
        reconciler = Reconciler(table, QueueReader(client, settings.queue), database)
        try:
            reconciler.run(None if dry_run else producer)
        except (QueueFull, QueueUnavailableError) as error:
            return reconciler.done, error
    return reconciler.done, None


def _tell(done: Reconciled, *, dry_run: bool) -> None:
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
