"""What every subcommand that changes something takes: who acts, and why."""

import getpass
import os
from typing import Annotated

import typer

Actor = Annotated[
    str | None,
    typer.Option(envvar="SIGNOFF_ACTOR", help="Who acts; else the name you are logged in with."),
]
Reason = Annotated[str, typer.Option(help="Why; it is kept in operator_actions.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would happen; change nothing.")]
Limit = Annotated[int | None, typer.Option(min=1, help="The most dead letters to act on.")]


def actor_of(named: str | None) -> str:
    """Who acts, for `operator_actions`."""
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return f"uid {os.getuid()}"
