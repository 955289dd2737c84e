"""`signoff customer`: show a customer, or set its status."""

from typing import Annotated, Any, Final
from uuid import UUID

import typer
from typer.core import TyperGroup

from signoff_cli.ledger_tables import show_ledger, show_transitions
from signoff_cli.options import After, Limit
from signoff_cli.set_status import set_status
from signoff_cli.terminal import AsJson, complain, say, say_more, show_fields, show_json
from signoff_ops.as_data import customer_data
from signoff_ops.customer import CustomerHistory, customer_history, customer_interactions
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.values import Page


class ShowUnlessNamed(TyperGroup):
    """Commands of a group; without the name of one, `show` is meant: `signoff customer USER_ID`."""

    def parse_args(
        self,
        ctx: Any,  # noqa: ANN401 -- typer does not name its context class in public
        args: list[str],
    ) -> list[str]:
        """Put the name before the arguments, where it is missing."""
        if args and args[0] not in {*self.commands, *self.get_help_option_names(ctx)}:
            args = ["show", *args]
        return super().parse_args(ctx, args)


app: Final = typer.Typer(
    cls=ShowUnlessNamed,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Show a customer (`signoff customer USER_ID`), or set its status.",
)


@app.command("show")
def show(
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
        if listed is not None:
            _show_interactions(listed, as_json=as_json)
            return
    elif found := customer_history(servers, user_id, limit=limit, cursor=after):
        _show(found, as_json=as_json)
        return
    if as_json:
        show_json({"user_id": user_id, "known": False})
    else:
        complain(f"No event or interaction in Postgres names the user {user_id!r}.")
    raise typer.Exit(1)


def _show(found: CustomerHistory, *, as_json: bool) -> None:
    state, listed = found.state, found.interactions
    if as_json:
        show_json({"known": True, **customer_data(found)})
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


app.command("set-status")(set_status)
