"""`signoff dlq discard`."""

import typer

from signoff_cli.database import database_of
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
from signoff_cli.services import load_settings
from signoff_cli.terminal import AsJson, Yes, confirm, count, say, show_json
from signoff_db import dead_letters


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
        meant = dead_letters.count(connection, selection)
        meant = meant if limit is None else min(meant, limit)
        if meant > 1 and not dry_run:
            confirm(f"Discard {meant:,} dead letters?", yes=yes)
        discarded = dead_letters.discard(
            connection,
            selection,
            actor=actor_of(actor),
            reason=reason,
            dry_run=dry_run,
            limit=limit,
        )
    if as_json:
        show_json({"dry_run": dry_run, "discarded": discarded})
    else:
        tense = "A dry run, nothing changed; would have discarded" if dry_run else "Discarded"
        say(f"{tense} {count(len(discarded), 'dead letter')}.")
    if absent:
        raise typer.Exit(1)
