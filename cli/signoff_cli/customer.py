"""`signoff customer`."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

import typer

from signoff_cli.ledger_tables import history_data, show_ledger, show_transitions
from signoff_cli.options import After, Limit
from signoff_cli.terminal import AsJson, complain, say, say_more, show_fields, show_json
from signoff_ops.customer import CustomerHistory, customer_history, customer_interactions
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.values import Page


def customer(
    user_id: Annotated[str, typer.Argument(metavar="USER_ID", help="The customer's user_id.")],
    *,
    interactions: Annotated[
        bool, typer.Option("--interactions", help="List the ids of its interactions instead.")
    ] = False,
    limit: Limit = 50,
    after: After = None,
    as_json: AsJson = False,
) -> None:
    """Show a customer: state, latest events, transitions. Exit 1 if unknown."""
    servers = DirectServers(load_settings())
    if interactions:
        listed = customer_interactions(servers, user_id, limit=limit, cursor=after)
        if listed.items:
            _show_interactions(listed, as_json=as_json)
            return
    elif found := customer_history(servers, user_id, limit=limit, cursor=after):
        _show(found, as_json=as_json)
        return
    if as_json:
        show_json({"user_id": user_id, "known": False})
    else:
        complain(f"No interaction in Postgres names the user {user_id!r}.")
    raise typer.Exit(1)


def _show(found: CustomerHistory, *, as_json: bool) -> None:
    state, listed = found.state, found.interactions
    if as_json:
        ids = {"interactions": listed.items, "interactions_next": listed.next}
        show_json({"known": True, **asdict(state), **ids, **history_data(found)})
        return
    more = "; there are more, see --interactions" if listed.next else ""
    show_fields(
        [
            ("user id", state.user_id),
            ("customer status", state.customer_status),
            ("ltv usd", state.ltv_usd),
            ("updated at", state.updated_at),
            ("interactions", f"{len(listed.items):,}{more}"),
        ]
    )
    show_ledger(found.ledger, of_several=True)
    show_transitions(found.transitions)


def _show_interactions(page: Page[UUID], *, as_json: bool) -> None:
    if as_json:
        show_json({"known": True, "interactions": page.items, "next": page.next})
        return
    for interaction_id in page.items:
        say(str(interaction_id))
    say_more(page.next, "older interactions")
