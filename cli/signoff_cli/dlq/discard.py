"""`signoff dlq discard`."""

import typer

from signoff_cli.dlq.acting import Actor, DryRun, Limit, Reason, actor_of
from signoff_cli.dlq.choosing import (
    All,
    EventId,
    Fingerprint,
    Ids,
    InteractionId,
    JobId,
    Kinds,
    OfType,
    Since,
    Text,
    Until,
    User,
    chosen,
    deliberate,
    meant,
)
from signoff_cli.terminal import AsJson, Yes, confirm, say, show_json
from signoff_ops import operating
from signoff_ops.operating import Operator
from signoff_schemas.wording import count


def discard(  # noqa: PLR0913 -- one argument an option
    ids: Ids = None,
    *,
    reason: Reason,
    kind: Kinds = None,
    fingerprint: Fingerprint = None,
    user: User = None,
    interaction: InteractionId = None,
    since: Since = None,
    until: Until = None,
    event: EventId = None,
    event_type: OfType = None,
    job: JobId = None,
    text: Text = None,
    everything: All = False,
    dry_run: DryRun = False,
    limit: Limit = None,
    actor: Actor = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Settle dead letters without applying them; they are kept.

    An event that arrives again is tried anew, unless the ledger holds another under its event_id.
    """
    selection = deliberate(
        chosen(
            ids=ids, kinds=kind, fingerprint=fingerprint, user=user, interaction=interaction,
            since=since, until=until, event=event, event_type=event_type, job=job, text=text,
        ),
        everything=everything,
    )  # fmt: skip
    choice, servers = meant(selection, limit)
    if len(choice.ids) > 1:
        confirm(f"Discard {len(choice.ids):,} dead letters?", yes=yes or dry_run)
    operator = Operator(actor_of(actor), reason, dry_run)
    discarded = operating.discard(servers, choice.ids, operator)
    if as_json:
        show_json({"dry_run": dry_run, "discarded": discarded})
    elif discarded or not choice.absent:
        say(_summary(len(discarded), dry_run=dry_run))
    if choice.absent:
        raise typer.Exit(1)


def _summary(discarded: int, *, dry_run: bool) -> str:
    if not discarded:
        return "No dead letter matches."
    tense = "A dry run, nothing changed; would have discarded" if dry_run else "Discarded"
    return f"{tense} {count(discarded, 'dead letter')}."
