"""`signoff dlq discard`."""

import typer

from signoff_cli.dlq.acting import Actor, DryRun, Limit, Reason, actor_of
from signoff_cli.dlq.choosing import (
    All,
    Fingerprint,
    Ids,
    InteractionId,
    Kinds,
    Since,
    Until,
    User,
    chosen,
    deliberate,
    tell_absent,
)
from signoff_cli.terminal import AsJson, Yes, confirm, say, show_json
from signoff_db.dead_letters import choose
from signoff_db.discard import discard as discard_letters
from signoff_db.read_connection import database_of
from signoff_ops.services import load_settings
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
    everything: All = False,
    dry_run: DryRun = False,
    limit: Limit = None,
    actor: Actor = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Give dead letters up; they and their bytes stay on record.

    An event that arrives again is applied all the same.
    """
    selection = deliberate(
        chosen(
            ids=ids, kinds=kind, fingerprint=fingerprint, user=user, interaction=interaction,
            since=since, until=until,
        ),
        everything=everything,
    )  # fmt: skip
    with database_of(load_settings()) as connection:
        absent = tell_absent(connection, selection)
        ids = choose(connection, selection, limit=limit)
        if len(ids) > 1:
            confirm(f"Discard {len(ids):,} dead letters?", yes=yes or dry_run)
        discarded = discard_letters(
            connection, ids, actor=actor_of(actor), reason=reason, dry_run=dry_run
        )
    if as_json:
        show_json({"dry_run": dry_run, "discarded": discarded})
    elif discarded or not absent:
        say(_summary(len(discarded), dry_run=dry_run))
    if absent:
        raise typer.Exit(1)


def _summary(discarded: int, *, dry_run: bool) -> str:
    if not discarded:
        return "No dead letter matches."
    tense = "A dry run, nothing changed; would have discarded" if dry_run else "Discarded"
    return f"{tense} {count(discarded, 'dead letter')}."
