"""How many requests were served, with which status, and how long they took."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper ends of the buckets of durations, in seconds."""


@dataclass(slots=True)
class Durations:
    """How long requests of one route took, from their arrival to the head of the answer."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds


@dataclass(slots=True)
class Requests:
    """What was served since the service started; used by the event loop's thread alone."""

    served: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    """By method, route and status."""
    durations: dict[str, Durations] = field(default_factory=dict)
    """By route."""

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one."""
        self.served[method, route, status] += 1
        durations = self.durations.get(route)
        if durations is None:
            durations = self.durations[route] = Durations()
        durations.add(seconds)
