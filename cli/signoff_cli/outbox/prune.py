"""`signoff outbox prune`."""

from dataclasses import asdict
from typing import Annotated

import typer

from signoff_cli.ages import required_age
from signoff_cli.options import Export, check_with
from signoff_cli.terminal import AsJson, say, show_json
from signoff_ops.outbox import prune_outbox
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_schemas.wording import count


def prune(
    *,
    older_than: Annotated[
        str, typer.Option(metavar="AGE", help="Published so long ago: 90s, 30m, 2h, 7d, 1w.")
    ],
    export: Export = None,
    as_json: AsJson = False,
) -> None:
    """Delete old events that were applied, or whose dead letter is settled. All others stay.

    With --export they are on disk, as JSON lines with their SHA-256, before the first is deleted.
    """
    age = required_age(older_than, "--older-than")
    done, sha256 = prune_outbox(DirectServers(load_settings()), age, export)
    if as_json:
        file = {"export": str(export) if sha256 else None, "sha256": sha256}
        show_json({**asdict(done), **file})
    else:
        kept = f", kept {done.kept:,} not accounted for" if done.kept else ""
        say(f"Pruned {count(done.pruned, 'event')}{kept}.")
        if export and sha256:
            say(check_with(export))
