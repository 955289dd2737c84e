"""The options of every subcommand that changes something: who acts, and why."""

import getpass
import os
from typing import Annotated

import typer

from signoff_cli.dlq.letters import LARGEST_ID

Actor = Annotated[
    str | None,
    typer.Option(envvar="SIGNOFF_ACTOR", help="Who acts; else the name you are logged in with."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would happen; change nothing.")]
Limit = Annotated[
    int | None, typer.Option(min=1, max=LARGEST_ID, help="The most dead letters to act on.")
]


def _given(reason: str) -> str:
    if not reason.strip():
        raise typer.BadParameter("a reason is wanted, this one is blank")
    return reason


Reason = Annotated[str, typer.Option(callback=_given, help="Why; it is kept in operator_actions.")]
ReasonToRead = Annotated[str, typer.Option(callback=_given, help="Why, for people to read.")]


def actor_of(named: str | None) -> str:
    """Who acts, for `operator_actions`."""
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return f"uid {os.getuid()}"
