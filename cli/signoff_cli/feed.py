"""`signoff feed`."""

import json
import sys
from collections.abc import Iterator
from typing import Annotated, Final

import typer

from signoff_cli.stopping import stop_on_signals
from signoff_cli.streams import holds_all_characters, is_read, while_read
from signoff_cli.terminal import NOTHING, cell, complain, say
from signoff_ops.feed import follow as follow_feed
from signoff_ops.feed import json_line, read_on
from signoff_ops.servers import DirectServers, KeptConnection
from signoff_ops.services import load_settings
from signoff_ops.values import FeedEvent, FeedPage

_POLL: Final = 1.0
"""Seconds between checks for new events, and for a reader that has gone."""


def feed(
    *,
    after: Annotated[
        str | None,
        typer.Option(metavar="POSITION", help="Only what follows this position, which came here."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for more events, until stopped.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="So many events at the most.")] = None,
    accept_restore: Annotated[
        bool,
        typer.Option(
            "--accept-restore",
            help="Go on from a position from before a restore: events may be lost, or come again.",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON Lines: an event each, with its position.")
    ] = False,
) -> None:
    """Show what was applied, in an order that can be followed: each event once.

    Keep the position of the last event that was read, and give it to --after. Late events come when
    they are applied.
    """
    settings = load_settings()
    with while_read(sys.stdout):
        if not follow:
            servers = DirectServers(settings)
            pages = read_on(servers, after, limit=limit, accept_restore=accept_restore)
            _show(pages, as_json=as_json)
            return
        with stop_on_signals() as stop, KeptConnection(settings) as kept:
            pages = follow_feed(
                kept,
                after,
                lambda seconds: stop.wait(seconds) or not is_read(sys.stdout),
                limit=limit,
                poll=_POLL,
                accept_restore=accept_restore,
                on_outage=lambda error: complain(f"signoff: {error}; trying again"),
            )
            _show(pages, as_json=as_json)


def _show(pages: Iterator[FeedPage], *, as_json: bool) -> None:
    position = None
    for page in pages:
        position = page.position
        if page.events and as_json:
            ascii_only = not holds_all_characters(sys.stdout)
            lines = [json_line(event, ascii_only=ascii_only) for event in page.events]
            typer.echo("\n".join(lines))
        for event in page.events if not as_json else ():
            say(_line(event))
    if position and not as_json:
        complain(f"To go on from here: signoff feed --after {position}")


def _line(event: FeedEvent) -> str:
    content = json.loads(event.event)
    shown = [content.get(name, NOTHING) for name in ("user_id", "customer_status", "ltv_amount")]
    return "  ".join([cell(event.applied_at), event.event_type, str(event.event_id), *shown])
