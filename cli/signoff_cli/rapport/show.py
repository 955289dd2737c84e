"""`signoff rapport show`."""

from typing import Annotated

import typer

from signoff_cli.terminal import AsJson, complain, show_json
from signoff_ops.contexts import UnknownCustomerError, shown_context
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings


def show(
    user_id: Annotated[str, typer.Argument(metavar="USER_ID", help="The customer's user_id.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show what the next reply should know of a customer, always as JSON. Exit 1 if unknown."""
    del as_json
    try:
        found = shown_context(DirectServers(load_settings()), user_id)
    except UnknownCustomerError as error:
        complain(str(error))
        raise typer.Exit(1) from None
    show_json(found)
