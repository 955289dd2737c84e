"""`signoff outbox prune`."""

from dataclasses import asdict
from typing import Annotated

import typer

from signoff_cli.ages import required_age
from signoff_cli.database import database_of
from signoff_cli.outbox import pruning
from signoff_cli.outbox.connections import outbox_of
from signoff_cli.services import load_settings
from signoff_cli.terminal import AsJson, count, say, show_json


def prune(
    *,
    older_than: Annotated[
        str, typer.Option(metavar="AGE", help="Published so long ago: 90s, 30m, 2h, 7d, 1w.")
    ],
    as_json: AsJson = False,
) -> None:
    """Delete old events that were applied, or whose dead letter is settled. All others stay."""
    age = required_age(older_than, "--older-than")
    settings = load_settings()
    with outbox_of(settings) as table, database_of(settings) as database:
        done = pruning.prune(table, database, age)
    if as_json:
        show_json(asdict(done))
    else:
        kept = f", kept {done.kept:,} not accounted for" if done.kept else ""
        say(f"Pruned {count(done.pruned, 'event')}{kept}.")
