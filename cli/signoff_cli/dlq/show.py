"""`signoff dlq show`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from signoff_cli.dlq.letters import LARGEST_ID, absence, as_data, hint, pretty
from signoff_cli.terminal import NOTHING, AsJson, cell, complain, say, show_fields, show_json
from signoff_db.dead_letters import DeadLetter, OperatorAction, actions_of, get_letter
from signoff_db.read_connection import database_of
from signoff_ops.services import load_settings

LetterId = Annotated[
    int, typer.Argument(metavar="ID", help="The dead letter's id.", min=1, max=LARGEST_ID)
]


def show(letter_id: LetterId, *, as_json: AsJson = False) -> None:
    """Show all of a dead letter, what was done to it, and what to do next.

    Exit 1 if there is none.
    """
    with database_of(load_settings()) as connection:
        letter = get_letter(connection, letter_id)
        actions = actions_of(connection, letter_id) if letter else []
    if letter is None:
        if as_json:
            show_json({"id": letter_id, "known": False})
        else:
            complain(str(absence(letter_id, letter)))
        raise typer.Exit(1)
    if as_json:
        show_json(
            {"known": True, **as_data(letter), "actions": [asdict(action) for action in actions]}
        )
    else:
        _show(letter, actions)


def _show(letter: DeadLetter, actions: Sequence[OperatorAction]) -> None:
    facts = [(n, v) for n, v in asdict(letter).items() if n not in {"detail", "payload"}]
    show_fields((name.replace("_", " "), _unseparated(value)) for name, value in facts)
    if letter.detail:
        say("Details", style="bold")
        for problem in letter.detail:
            say("  " + ", ".join(f"{n}: {v}" for n, v in problem.items() if v not in (None, "")))
    say(f"Payload, {len(letter.payload):,} bytes", style="bold")
    say(pretty(letter.payload))
    if actions:
        say("Actions", style="bold")
        for action in actions:
            who = f"{action.action} by {action.actor}"
            say(f"  {cell(action.acted_at)} {who}: {action.reason or NOTHING}")
    if letter.state == "dead":
        say("Next", style="bold")
        say("  " + hint(letter))


def _unseparated(value: object) -> object:
    """Ids are no amounts: 1234, not 1,234."""
    return str(value) if isinstance(value, int) else value
