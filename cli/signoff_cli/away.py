"""Servers that are away, or cannot be used: what the others know is told all the same."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

import typer

from signoff_cli.errors import RedisUnavailableError
from signoff_cli.terminal import complain
from signoff_db.connection import DatabaseUnavailableError
from signoff_schemas import SettingsError

T = TypeVar("T")

SERVER_AWAY: Final = 2
"""The exit code of a command that a server could not tell all of it."""


@dataclass(slots=True)
class Away:
    """Which of the servers that a command asks could not tell, and why."""

    reasons: dict[str, str] = field(default_factory=dict)
    """By the server's name: `redis`, `postgres` or `outbox`."""

    def unless(self, server: str, ask: Callable[[], T]) -> T | None:
        """What the server answers; None if it is away, not set, or behind, which is noted."""
        try:
            return ask()
        except (RedisUnavailableError, DatabaseUnavailableError, SettingsError) as error:
            self.reasons[server] = str(error)
            return None

    def leave_if_any(self) -> None:
        """End the command as one that could not do all of its work, if a server is away."""
        for reason in self.reasons.values():
            complain(f"signoff: {reason}")
        if self.reasons:
            raise typer.Exit(SERVER_AWAY)
