"""How many events workers settle a second, from what they report to Redis.

Each worker counts what it has acknowledged since it started. The difference between two looks is
what was settled in between. What a worker that ended between two looks had settled since the last
one is not seen, so the rate may be a little too low then, never too high.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from signoff_queue.workers import WorkerState

WINDOW: Final = 10.0
"""Seconds over which a rate is the average."""
_LONGEST_GAP: Final = 15.0
"""Seconds between two looks after which the counting begins anew."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Events a second."""

    applied: float
    """Applied; duplicates, whose effect was there already, are among them."""
    dead: float
    """Dead-lettered."""
    seconds: float
    """The time over which it is the average."""

    @property
    def settled(self) -> float:
        """Both together: what has left the queue."""
        return self.applied + self.dead


@dataclass(frozen=True, slots=True)
class _Step:
    """What happened between two looks."""

    ended_at: float
    seconds: float
    applied: int
    dead: int


class Throughput:
    """Looks at the workers again and again; not for several threads at once."""

    def __init__(self) -> None:
        self._steps: deque[_Step] = deque()
        self._looked_at: float | None = None
        self._counted: dict[str, tuple[int, int]] = {}

    def add(self, now: float, workers: Iterable[WorkerState]) -> Rate | None:
        """Note a look at a time, in seconds of a clock that never goes back.

        Returns the rate over the last `WINDOW`; None after the first look.
        """
        counted = {worker.name: (worker.successful, worker.failed) for worker in workers}
        before, self._counted = self._counted, counted
        last, self._looked_at = self._looked_at, now
        if last is None or now - last > _LONGEST_GAP or now <= last:
            self._steps.clear()
            return None
        grown = [_grown(before[name], held) for name, held in counted.items() if name in before]
        self._steps.append(
            _Step(now, now - last, sum(one[0] for one in grown), sum(one[1] for one in grown))
        )
        while len(self._steps) > 1 and self._steps[0].ended_at <= now - WINDOW:
            self._steps.popleft()
        seconds = sum(step.seconds for step in self._steps)
        applied = sum(step.applied for step in self._steps)
        dead = sum(step.dead for step in self._steps)
        return Rate(applied / seconds, dead / seconds, seconds)


def _grown(before: tuple[int, int], now: tuple[int, int]) -> tuple[int, int]:
    """By how much a worker's counts grew; a worker of the same name that is new begins at 0."""
    if now[0] < before[0] or now[1] < before[1]:
        return now
    return now[0] - before[0], now[1] - before[1]
