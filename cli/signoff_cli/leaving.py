"""How a command ends that could not do all of its work."""

from collections.abc import Mapping
from typing import Final

import typer

from signoff_cli.terminal import complain

SERVER_AWAY: Final = 2
"""The exit code of a command that a server could not tell all of it."""


def leave_if_away(away: Mapping[str, str]) -> None:
    """Say which servers are away, and why, and end the command; with none, go on."""
    for reason in away.values():
        complain(f"signoff: {reason}")
    if away:
        raise typer.Exit(SERVER_AWAY)
