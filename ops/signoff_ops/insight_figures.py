"""Figures of the customer facts for monitoring, read once a minute at most."""

import time
from threading import Lock
from typing import Final

from signoff_db.connection import DatabaseUnavailableError
from signoff_insight.facts.state import reach_of
from signoff_insight.monitoring.figures import Figures, figures_of
from signoff_ops.insight_errors import TooSlowError
from signoff_ops.insight_reading import reading
from signoff_ops.servers import Servers
from signoff_schemas import SettingsError

__all__ = ["Figures", "InsightFigures"]

_FRESH: Final = 60.0
_SECONDS: Final = 2.0
"""How long a statement may take: a request for metrics should be answered soon."""


class InsightFigures:
    """Reads the figures when somebody asks and the last ones are old; for several threads."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._lock = Lock()
        self._read_at: float | None = None
        self._found: Figures | None = None

    def latest(self) -> Figures | None:
        """The figures, a minute old at most.

        None where they cannot be read, or not in time, or while the facts are computed anew.
        """
        with self._lock:
            if self._read_at is None or time.monotonic() - self._read_at >= _FRESH:
                self._found = self._read()
                self._read_at = time.monotonic()
            return self._found

    def _read(self) -> Figures | None:
        settings = self._servers.settings
        try:
            with (
                self._servers.database() as connection,
                reading(connection, "the figures of customers", _SECONDS),
            ):
                reach = reach_of(connection, settings.timezone)
                if reach.rebuilt is not None:
                    return None
                return figures_of(connection, reach, settings.alert_conversion_days)
        except (DatabaseUnavailableError, SettingsError, TooSlowError):
            return None
