"""`signoff interaction`."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

import typer

from signoff_cli.ledger_tables import show_ledger, show_transitions
from signoff_cli.options import After, Limit
from signoff_cli.terminal import AsJson, complain, show_fields, show_json
from signoff_ops.as_data import interaction_data
from signoff_ops.customer import interaction_history
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.values import Interaction


def interaction(
    interaction_id: Annotated[UUID, typer.Argument(metavar="ID", help="The interaction's id.")],
    *,
    limit: Limit = 50,
    after: After = None,
    as_json: AsJson = False,
) -> None:
    """Show an interaction: its state, latest events and transitions. Exit 1 if it is unknown."""
    servers = DirectServers(load_settings())
    found = interaction_history(servers, interaction_id, limit=limit, cursor=after)
    if found is None:
        if as_json:
            show_json({"id": interaction_id, "known": False})
        else:
            complain(
                f"Interaction {interaction_id} is not in Postgres, and no event of it was applied."
            )
        raise typer.Exit(1)
    if as_json:
        show_json({"known": True, **interaction_data(found)})
        return
    show_fields(_fields(found.state))
    show_ledger(found.ledger)
    show_transitions(found.transitions)


def _fields(state: Interaction) -> list[tuple[str, object]]:
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
