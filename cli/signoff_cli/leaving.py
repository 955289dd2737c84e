"""How a command ends that could not do all of its work."""

from typing import Final

import typer

from signoff_cli.terminal import complain
from signoff_ops.unavailable import Unavailable

SERVER_AWAY: Final = 2
"""The exit code of a command that a server could not tell all of it."""


def leave_if_any(unavailable: Unavailable) -> None:
    """Say which servers are away, and end the command; with none, go on."""
    for reason in unavailable.reasons.values():
        complain(f"signoff: {reason}")
    if unavailable.reasons:
        raise typer.Exit(SERVER_AWAY)
