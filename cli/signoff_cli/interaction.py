"""`signoff interaction`."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

import typer

from signoff_cli.ledger import show_ledger, show_transitions
from signoff_cli.terminal import AsJson, complain, show_fields, show_json
from signoff_db import reading
from signoff_db.read_connection import database_of
from signoff_ops.services import load_settings


def interaction(
    interaction_id: Annotated[UUID, typer.Argument(metavar="ID", help="The interaction's id.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show an interaction: its state, ledger and transitions. Exit 1 if it is unknown."""
    with database_of(load_settings()) as connection, reading.snapshot(connection):
        state = reading.interaction(connection, interaction_id)
        ledger = reading.ledger_of(connection, [interaction_id])
        owner = state.user_id if state else None
        moves = reading.transitions_of(connection, user_id=owner, interaction_id=interaction_id)
    if state is None:
        if as_json:
            show_json({"id": interaction_id, "known": False})
        else:
            complain(
                f"Interaction {interaction_id} is not in Postgres, and no event of it was applied."
            )
        raise typer.Exit(1)
    if as_json:
        show_json(
            {
                "known": True,
                **asdict(state),
                "ledger": [asdict(entry) for entry in ledger],
                "transitions": [asdict(move) for move in moves],
            }
        )
        return
    show_fields(_fields(state))
    show_ledger(ledger)
    show_transitions(moves)


def _fields(state: reading.Interaction) -> list[tuple[str, object]]:
    fields = asdict(state)
    lists = {"final_bubbles": " / ", "edit_tags": ", "}
    return [
        (
            name.replace("_", " "),
            lists[name].join(value) if name in lists and value else value,
        )
        for name, value in fields.items()
        if value not in (None, [])
    ]
