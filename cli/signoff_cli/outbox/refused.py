"""`signoff outbox refused`."""

from dataclasses import asdict
from typing import Annotated

import typer

from signoff_cli.terminal import AsJson, say, show_json, show_table
from signoff_ops.outbox import refused_events
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings


def refused(
    *,
    limit: Annotated[int, typer.Option(min=1, help="The most to list.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List events that the queue refuses, the oldest first. Exit 1 if there is any.

    `signoff reconcile` tries them again; `signoff outbox dead-letter` gives them up.
    """
    entries = refused_events(DirectServers(load_settings()), limit=limit)
    if as_json:
        show_json([asdict(entry) for entry in entries])
    elif entries:
        show_table(
            ["event", "added", "message"],
            [[entry.event_id, entry.added_at, entry.refused] for entry in entries],
        )
    else:
        say("The queue refuses no event of the outbox.")
    if entries:
        raise typer.Exit(1)
