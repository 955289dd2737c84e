"""`signoff webhook deliveries | replay`."""

from dataclasses import asdict
from typing import Annotated, Final

import typer

from signoff_cli.dlq.acting import Actor, actor_of
from signoff_cli.errors import UsageError
from signoff_cli.options import After, Limit
from signoff_cli.terminal import (
    AsJson,
    Yes,
    complain,
    confirm,
    say,
    say_more,
    show_json,
    show_table,
)
from signoff_ops import webhooks
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.webhooks import DeliveryState
from signoff_schemas.wording import count

_LARGEST_ID: Final = 2**63 - 1

OfWebhook = Annotated[
    str | None, typer.Option("--webhook", metavar="NAME", help="Only those of this webhook.")
]


def deliveries(
    *,
    state: Annotated[DeliveryState | None, typer.Option(help="Only those in this state.")] = None,
    webhook: OfWebhook = None,
    limit: Limit = 50,
    after: After = None,
    as_json: AsJson = False,
) -> None:
    """List messages to webhooks, the newest first: what was delivered, what waits, what is dead."""
    page = webhooks.deliveries(
        DirectServers(load_settings()), state=state, webhook=webhook, limit=limit, cursor=after
    )
    if as_json:
        show_json({"deliveries": [asdict(one) for one in page.items], "next": page.next})
        return
    if not page.items:
        say("No delivery matches.")
        return
    show_table(
        ["id", "webhook", "kind", "state", "attempts", "created at", "next attempt at", "message"],
        [
            [d.id, d.webhook, d.kind, d.state, d.attempts, d.created_at, d.next_attempt_at,
             d.last_error] for d in page.items
        ],
    )  # fmt: skip
    say_more(page.next, "more deliveries")


def replay(
    ids: Annotated[
        list[int] | None,
        typer.Argument(metavar="ID…", min=1, max=_LARGEST_ID, help="The ids of dead deliveries."),
    ] = None,
    *,
    webhook: OfWebhook = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All dead ones of the webhook.")
    ] = False,
    yes: Yes = False,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Send dead messages again, with the same ids. Exit 1 if one of the ids is not dead."""
    if bool(ids) == (webhook is not None and everything):
        raise UsageError("say which: the ids of dead deliveries, or --webhook NAME --all")
    servers = DirectServers(load_settings())
    if not ids:
        confirm(f"Send all dead messages of {webhook} again?", yes=yes)
    sent = webhooks.replay(servers, actor_of(actor), ids=ids or None, webhook=webhook)
    missing = sorted(set(ids or ()) - set(sent))
    if as_json:
        show_json({"replayed": sent, "not_dead": missing})
    else:
        say(f"{count(len(sent), 'message')} will be sent again.")
    if missing:
        if not as_json:
            complain(f"Not dead, or not there: {', '.join(map(str, missing))}.")
        raise typer.Exit(1)
