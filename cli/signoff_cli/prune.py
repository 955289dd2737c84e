"""`signoff prune`: delete letters that were settled long ago."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from signoff_cli.dlq.acting import Actor, DryRun, actor_of
from signoff_cli.dlq.choosing import moment
from signoff_cli.options import Export, check_with
from signoff_cli.terminal import AsJson, Yes, confirm, local, say, show_json
from signoff_ops import operating
from signoff_ops.operating import Operator
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.values import Pruned
from signoff_schemas.wording import count


def prune(
    *,
    older_than: Annotated[
        str, typer.Option(metavar="AGE", help="Settled before: 30d, 26w, or 2026-01-31T10:00.")
    ],
    export: Export = None,
    dry_run: DryRun = False,
    actor: Actor = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete dead letters that were resolved or discarded long ago.

    Dead ones are never deleted. With --export the letters are on disk, as JSON lines with their
    SHA-256, before the first is deleted. Ids of discarded events stay in operator_actions.
    """
    before = moment(older_than, "--older-than")
    servers = DirectServers(load_settings())
    done, sha256 = operating.prunable(servers, before), None
    total = done.resolved + done.discarded
    if total and not dry_run:
        confirm(f"Forget {count(total, 'settled dead letter')}?", yes=yes)
        operator = Operator(actor_of(actor), f"settled before {older_than}")
        done, sha256 = operating.prune(servers, before, operator, export=export)
    _show(done, before, export if sha256 else None, sha256, dry_run=dry_run, as_json=as_json)


def _show(
    done: Pruned,
    before: datetime,
    export: Path | None,
    sha256: str | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    if as_json:
        file = {"export": export and str(export), "sha256": sha256}
        show_json({"dry_run": dry_run, "before": before, **asdict(done), **file})
        return
    tense = "A dry run, nothing changed; would have forgotten" if dry_run else "Forgot"
    say(
        f"{tense} {count(done.resolved, 'resolved dead letter')} and "
        f"{count(done.discarded, 'discarded one')}, settled before {local(before)}."
    )
    if export:
        say(check_with(export))
