"""`signoff customer`."""

from dataclasses import asdict
from typing import Annotated

import typer

from signoff_cli.ledger import show_ledger, show_transitions
from signoff_cli.terminal import AsJson, complain, show_fields, show_json
from signoff_db import reading
from signoff_db.read_connection import database_of
from signoff_ops.services import load_settings


def customer(
    user_id: Annotated[str, typer.Argument(metavar="USER_ID", help="The customer's user_id.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a customer: state, ledger over all interactions, transitions. Exit 1 if unknown."""
    with database_of(load_settings()) as connection, reading.snapshot(connection):
        state = reading.customer(connection, user_id)
        interactions = reading.interactions_of(connection, user_id)
        ledger = reading.ledger_of(connection, interactions)
        moves = reading.transitions_of(connection, user_id=user_id)
    if state is None:
        if as_json:
            show_json({"user_id": user_id, "known": False})
        else:
            complain(f"No interaction in Postgres names the user {user_id!r}.")
        raise typer.Exit(1)
    if as_json:
        show_json(
            {
                "known": True,
                **asdict(state),
                "interactions": interactions,
                "ledger": [asdict(entry) for entry in ledger],
                "transitions": [asdict(move) for move in moves],
            }
        )
        return
    show_fields(
        [
            ("user id", state.user_id),
            ("customer status", state.customer_status),
            ("ltv usd", state.ltv_usd),
            ("updated at", state.updated_at),
            ("interactions", len(interactions)),
        ]
    )
    show_ledger(ledger, of_several=True)
    show_transitions(moves)
