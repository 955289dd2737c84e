"""`signoff dlq show`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Final

import typer

from signoff_cli.dlq.letters import LARGEST_ID, absence
from signoff_cli.terminal import (
    NOTHING,
    AsJson,
    cell,
    complain,
    say,
    say_block,
    show_fields,
    show_json,
)
from signoff_ops.as_data import letter_data
from signoff_ops.dead_letters import letter_history
from signoff_ops.letter_text import readable
from signoff_ops.runbook import advice_on
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.values import FullLetter, OperatorAction
from signoff_schemas import DeadLetterState

_SIZES: Final = frozenset({"payload_size", "payload_kept"})
LetterId = Annotated[
    int, typer.Argument(metavar="ID", help="The dead letter's id.", min=1, max=LARGEST_ID)
]


def show(letter_id: LetterId, *, as_json: AsJson = False) -> None:
    """Show all of a dead letter, what was done to it, and what to do next.

    Exit 1 if there is none.
    """
    found = letter_history(DirectServers(load_settings()), letter_id)
    if found is None:
        if as_json:
            show_json({"id": letter_id, "known": False})
        else:
            complain(absence(letter_id, None))
        raise typer.Exit(1)
    if as_json:
        show_json({"known": True, **letter_data(found)})
    else:
        _show(found.full, found.actions)


def _show(full: FullLetter, actions: Sequence[OperatorAction]) -> None:
    letter = full.letter
    facts = [(n, v) for n, v in asdict(letter).items() if n not in _SIZES]
    show_fields((name.replace("_", " "), _unseparated(value)) for name, value in facts)
    if full.detail:
        say("Details", style="bold")
        for problem in full.detail:
            say("  " + ", ".join(f"{n}: {v}" for n, v in problem.items() if v not in (None, "")))
    say(_payload_title(full), style="bold")
    say_block(readable(full.payload))
    if actions:
        say("Actions", style="bold")
        for action in actions:
            role = f" (in Postgres {action.database_role})" if action.database_role else ""
            who = f"{action.action} by {action.actor}{role}"
            say(f"  {cell(action.acted_at)} {who}: {action.reason or NOTHING}")
    if letter.state is DeadLetterState.DEAD:
        advice = advice_on(letter.kind, full.detail, named=letter.event_id is not None)
        say("Next", style="bold")
        say(f"  {advice.do} A replay helps: {advice.replay[0].lower()}{advice.replay[1:]}")
        for command in advice.commands:
            say(f"  {command.format(id=letter.id)}")


def _payload_title(full: FullLetter) -> str:
    title = f"Payload, {full.letter.payload_size:,} bytes"
    return title if full.payload_complete else f"{title}, the first {len(full.payload):,} of them"


def _unseparated(value: object) -> object:
    """Ids are no amounts: 1234, not 1,234."""
    return str(value) if isinstance(value, int) else value
