"""End a command that could not do all of its work."""

from collections.abc import Mapping
from typing import Final

import typer

from signoff_cli.terminal import complain

SERVER_AWAY: Final = 2
"""The exit code of a command that could not read all servers."""


def leave_if_away(away: Mapping[str, str]) -> None:
    """If servers are unavailable, say which and why, and end the command."""
    for reason in away.values():
        complain(f"signoff: {reason}")
    if away:
        raise typer.Exit(SERVER_AWAY)
