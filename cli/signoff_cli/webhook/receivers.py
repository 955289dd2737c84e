"""`signoff webhook add | list | test | rotate | disable | enable | remove`."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer

from signoff_cli.dlq.acting import Actor, actor_of
from signoff_cli.errors import UsageError
from signoff_cli.terminal import (
    AsJson,
    Yes,
    complain,
    confirm,
    local,
    say,
    say_block,
    show_json,
)
from signoff_cli.webhook.shown import show_webhooks, state_of
from signoff_ops import webhooks
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.webhooks import NewSecret, Webhook, WebhookKind, shown_url
from signoff_schemas.wording import count

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_SHOWN: Final = 2000
"""Characters of an answer that are shown."""

Name = Annotated[str, typer.Argument(metavar="NAME", help="The webhook's name.")]


def add(
    name: Name,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to post to, by https.")],
    *,
    kind: Annotated[
        list[WebhookKind], typer.Option(help="What it is told of; may be given several times.")
    ],
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Add a receiver, and print the secret that its messages are signed with: this one time.

    It is told of what happens from now on.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name of a webhook: letters, digits, '_', '.' and '-', at most 64"
        )
    made = webhooks.add(DirectServers(load_settings()), name, url, kind, actor_of(actor))
    if as_json:
        show_json({"name": name, "url": shown_url(url), "kinds": kind, "secret": made.secret})
        return
    say(f"Added {name}. Its secret, which is not shown again:")
    say_block(made.secret)
    say(f"Try it with `signoff webhook test {name}`; `signoff webhook run` sends.")


def list_(*, as_json: AsJson = False) -> None:
    """List the receivers: what they are told of, what waits and what is dead."""
    found = webhooks.listed(DirectServers(load_settings()))
    if as_json:
        show_json([state_of(webhook) for webhook in found])
    elif found:
        show_webhooks(found)
    else:
        say("There is no webhook; add one with `signoff webhook add`.")


def send_test(name: Name, *, as_json: AsJson = False) -> None:
    """Send a message of type webhook.test now, and show the answer. Exit 1 if it is no success."""
    tested = webhooks.send_test(DirectServers(load_settings()), name)
    if as_json:
        show_json(asdict(tested))
    elif tested.status is None:
        complain(f"signoff: {tested.answer}")
    else:
        say(f"Sent {tested.message_id}; answered {tested.status} after {tested.seconds:.2f} s.")
        if tested.answer.strip():
            say_block(tested.answer.strip()[:_SHOWN])
    if not tested.ok:
        raise typer.Exit(1)


def rotate(name: Name, *, actor: Actor = None, as_json: AsJson = False) -> None:
    """Give a webhook a new secret, and print it; for a day the one before signs too."""
    made = webhooks.rotate(DirectServers(load_settings()), name, actor_of(actor))
    if as_json:
        show_json({"name": name, **_secret(made)})
        return
    say(f"The new secret of {name}, which is not shown again:")
    say_block(made.secret)
    if made.previous_until:
        say(f"The one before signs too until {local(made.previous_until)}.")


def disable(
    name: Name,
    *,
    reason: Annotated[str, typer.Option(help="Why; `list` shows it.")] = "disabled by an operator",
    actor: Actor = None,
) -> None:
    """Send nothing to a webhook until it is enabled; what waits is kept.

    What happens meanwhile is not written for it.
    """
    webhooks.disable(DirectServers(load_settings()), name, reason[:200], actor_of(actor))
    say(f"Disabled {name}.")


def enable(name: Name, *, actor: Actor = None) -> None:
    """Send to a webhook again: what waits, and what happens from now on."""
    webhooks.enable(DirectServers(load_settings()), name, actor_of(actor))
    say(f"Enabled {name}.")


def remove(name: Name, *, yes: Yes = False, actor: Actor = None) -> None:
    """Remove a webhook with all of its deliveries."""
    servers = DirectServers(load_settings())
    confirm(f"Remove {name}{_what_waits(webhooks.listed(servers), name)}?", yes=yes)
    webhooks.remove(servers, name, actor_of(actor))
    say(f"Removed {name}.")


def _what_waits(found: Sequence[Webhook], name: str) -> str:
    unsent = sum(w.waiting + w.dead for w in found if w.name == name)
    return f", with {count(unsent, 'message')} that it did not get" if unsent else ""


def _secret(made: NewSecret) -> dict[str, Any]:
    return {"secret": made.secret, "previous_secret_until": made.previous_until}
