"""`signoff customer`."""

from dataclasses import asdict
from typing import Annotated

import typer

from signoff_cli.ledger_tables import show_ledger, show_transitions
from signoff_cli.terminal import AsJson, complain, show_fields, show_json
from signoff_ops.customer import customer_history
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings


def customer(
    user_id: Annotated[str, typer.Argument(metavar="USER_ID", help="The customer's user_id.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a customer: state, ledger over all interactions, transitions. Exit 1 if unknown."""
    found = customer_history(DirectServers(load_settings()), user_id)
    if found is None:
        if as_json:
            show_json({"user_id": user_id, "known": False})
        else:
            complain(f"No interaction in Postgres names the user {user_id!r}.")
        raise typer.Exit(1)
    if as_json:
        data = asdict(found)
        show_json({"known": True, **data.pop("state"), **data})
        return
    state = found.state
    show_fields(
        [
            ("user id", state.user_id),
            ("customer status", state.customer_status),
            ("ltv usd", state.ltv_usd),
            ("updated at", state.updated_at),
            ("interactions", len(found.interactions)),
        ]
    )
    show_ledger(found.ledger, of_several=True)
    show_transitions(found.transitions)
