"""`signoff outbox dead-letter`."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

import typer

from signoff_cli.dlq.acting import Actor, Reason, actor_of
from signoff_cli.terminal import AsJson, say, show_json
from signoff_ops.operating import Operator
from signoff_ops.outbox_letters import dead_letter_refused
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_schemas.wording import count


def dead_letter(
    events: Annotated[
        list[UUID] | None, typer.Argument(metavar="EVENT...", help="Ids of refused events.")
    ] = None,
    *,
    reason: Reason,
    everything: Annotated[
        bool, typer.Option("--all", help="All that are refused, the oldest 10,000.")
    ] = False,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Move events that the queue refuses to the dead letters, to be edited or discarded there.

    What is valid now is not moved: `signoff reconcile` tries it again.
    """
    if bool(events) == everything:
        raise typer.BadParameter("name events, or give --all", param_hint="EVENT")
    operator = Operator(actor_of(actor), reason)
    done = dead_letter_refused(DirectServers(load_settings()), events or None, operator)
    if as_json:
        show_json(asdict(done))
        return
    say(f"Moved {count(done.moved, 'event')} to the dead letters.")
    if done.valid:
        say(f"Not moved, since valid now: {done.valid:,}. `signoff reconcile` tries again.")
    if done.too_large:
        say(f"Not moved, since too large for a dead letter: {done.too_large:,}.")
