"""A worker's health. The main loop notes it; the watch, the HTTP port and Redis report it.

*Live*: the main loop makes progress. It finished a turn lately, or probes an unavailable server. A
worker that is not live should be restarted. *Ready*: nothing keeps it from applying what it takes.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from rq.worker import WorkerStatus

from signoff_schemas import WorkerSettings
from signoff_worker.reasons import outage_reason


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The health of a worker at one moment."""

    worker: str
    live: bool
    waits_for: str | None
    """What it waits for when it is not ready, as a text for people; else None."""
    turn_age_seconds: float
    """How long ago the main loop finished its last turn."""

    @property
    def ready(self) -> bool:
        """Whether it can apply events."""
        return self.live and self.waits_for is None

    def as_json(self) -> str:
        """The JSON that is reported over HTTP and in Redis."""
        return json.dumps(asdict(self) | {"ready": self.ready})


class Health:
    """One worker's health. One thread works and writes; any thread may read."""

    def __init__(
        self,
        worker: str,
        settings: WorkerSettings,
        *,
        state: Callable[[], object],
        stopping: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`state` gives the worker's state in RQ, `stopping` whether it was asked to end."""
        self.worker = worker
        self.stuck_after = settings.stuck_after
        self.postgres_answers = True
        """Whether Postgres answered the watch, which also asks while there is nothing to apply."""
        self.stuck_on: str | None = None
        """What a stuck batch waits for; the watch sets it."""
        self._clock = clock
        self._state = state
        self._stopping = stopping
        self._registered = False
        self._outages: dict[str, str] = {}
        self._turned = self._clock()

    def turn(self) -> None:
        """The main loop finished a turn."""
        self._turned = self._clock()

    def outage(self, server: str, error: Exception, *, pause: float) -> None:
        """A server is unavailable and is tried again after `pause` s; this counts as progress."""
        self._outages[server] = f"{server}: {outage_reason(error)}"
        self._turned = self._clock() + pause

    def back(self, server: str) -> None:
        """A server answers again."""
        self._outages.pop(server, None)

    def registered(self) -> None:
        """RQ's registry knows this worker."""
        self._registered = True

    @property
    def idle(self) -> bool:
        """Whether the worker holds no batch."""
        return self._state() == WorkerStatus.IDLE

    def report(self) -> HealthReport:
        """The health of the worker now."""
        age = max(0.0, self._clock() - self._turned)
        live = age <= self.stuck_after
        waits_for = self._waits_for() if live else self._stuck(age)
        return HealthReport(self.worker, live, waits_for, round(age, 1))

    def _stuck(self, age: float) -> str:
        return f"no turn for {age:.0f} s: {self.stuck_on or 'it is not known why'}"

    def _waits_for(self) -> str | None:
        for outage in list(self._outages.values()):
            return outage
        if self._stopping():
            return "it was asked to stop"
        if not self._registered:
            return "its registration in Redis"
        if self._state() == WorkerStatus.SUSPENDED:
            return "workers are paused; `signoff queue show` tells by whom"
        return None if self.postgres_answers else "Postgres: it does not answer"
