"""`signoff transitions stop | resume`: the kill switch."""

from dataclasses import asdict
from typing import Annotated

import typer

from signoff_cli.dlq.acting import Actor, Reason, actor_of
from signoff_cli.terminal import AsJson, say, show_json
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.transition_text import switch_text
from signoff_ops.transitions import set_switch


def stop(*, reason: Reason, actor: Actor = None, as_json: AsJson = False) -> None:
    """Stop transitions at once: no rule proposes or decides, no proposal is approved.

    Rejecting, snoozing and undoing still work.
    """
    _turn(actor, reason, is_on=False, as_json=as_json)


def resume(
    *,
    reason: Annotated[str | None, typer.Option(help="Why; everybody is shown it.")] = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Let transitions go on that were stopped."""
    _turn(actor, reason, is_on=True, as_json=as_json)


def _turn(actor: str | None, reason: str | None, *, is_on: bool, as_json: bool) -> None:
    servers = DirectServers(load_settings())
    turned = set_switch(servers, actor_of(actor), reason, is_on=is_on)
    if as_json:
        show_json(asdict(turned.switch) | {"changed": turned.changed})
        return
    say(switch_text(turned.switch))
    if not turned.changed:
        say("Nothing was changed or noted: it was so already.")
