"""Servers that are away or cannot be used: what the others know is shown all the same."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from signoff_db.connection import DatabaseUnavailableError
from signoff_queue.connection import RedisUnavailableError
from signoff_schemas import SettingsError

T = TypeVar("T")


@dataclass(slots=True)
class Unavailable:
    """Which of the servers that a command asks could not tell, and why."""

    reasons: dict[str, str] = field(default_factory=dict)
    """By the server's name: `redis`, `postgres` or `outbox`."""

    def collect(self, server: str, ask: Callable[[], T]) -> T | None:
        """What the server answers; None if it is away, not set, or behind, which is noted."""
        try:
            return ask()
        except (RedisUnavailableError, DatabaseUnavailableError, SettingsError) as error:
            self.reasons[server] = str(error)
            return None
