"""Collect the errors of unavailable servers, so that the others are shown nevertheless."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from signoff_db.connection import DatabaseUnavailableError
from signoff_queue.connection import RedisUnavailableError
from signoff_schemas import SettingsError

T = TypeVar("T")


@dataclass(slots=True)
class Unavailable:
    """The servers that could not be read, and why."""

    reasons: dict[str, str] = field(default_factory=dict)
    """By the server's name: `redis`, `postgres`, `outbox` or `rapport`."""

    def collect(self, server: str, ask: Callable[[], T]) -> T | None:
        """The result; None, and the reason noted, if the server is unavailable or not set."""
        try:
            return ask()
        except (RedisUnavailableError, DatabaseUnavailableError, SettingsError) as error:
            self.reasons[server] = str(error)
            return None
