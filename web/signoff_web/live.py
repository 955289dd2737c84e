"""The figures of this moment, read once for all who look at them.

Whoever wants figures asks the sampler. If the last ones are old it reads new ones, once, however
many are asking; nobody asks, so nothing is read, while no page that shows them is open.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from starlette.concurrency import run_in_threadpool

from signoff_ops.condition import Condition, condition
from signoff_ops.servers import Servers
from signoff_ops.status import Status, status
from signoff_ops.throughput import Rate, Throughput

INTERVAL: Final = 2.0
"""Seconds from one look to the next, unless looking takes long."""
FIRST_INTERVAL: Final = 1.0
"""After a first look: it takes two to know a rate."""
LONGEST_INTERVAL: Final = 10.0
_SHARE: Final = 5
"""Reading takes at most this part of the time: after a slow look the pause is longer."""
_KEPT: Final = 600.0
"""Seconds for which points of the series are kept."""
_GAP: Final = 15.0
"""Between two points that are further apart there is a gap: nobody looked."""

Point = tuple[float, int | None, float | None]
"""Seconds since the epoch; events that wait; events that workers applied a second."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was read at one moment."""

    number: int
    at: datetime
    status: Status
    rate: Rate | None
    condition: Condition

    @property
    def point(self) -> Point:
        """Its point in the series; what is not known is None."""
        waiting = self.status.queue.counts.waiting if self.status.queue else None
        return self.at.timestamp(), waiting, self.rate.applied if self.rate else None


class Sampler:
    """Reads the figures when somebody asks and the last ones are old."""

    def __init__(
        self,
        servers: Servers,
        *,
        read: Callable[[Servers], Status] = status,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._servers = servers
        self._read = read
        self._clock = clock
        self._throughput = Throughput()
        self._looking: asyncio.Task[Sample] | None = None
        self._latest: Sample | None = None
        self._due = -1.0
        self._points: deque[Point] = deque()

    @property
    def series(self) -> list[Point]:
        """The points of the last ten minutes, as far as somebody looked; gaps hold no values."""
        return list(self._points)

    @property
    def due_in(self) -> float:
        """Seconds until new figures can be had."""
        return max(0.0, self._due - self._clock())

    async def latest(self) -> Sample:
        """The figures, at most as old as the interval."""
        if self._latest is not None and self.due_in > 0:
            return self._latest
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(self._looking)

    async def _look(self) -> Sample:
        began = self._clock()
        found = await run_in_threadpool(self._read, self._servers)
        ended = self._clock()
        rate = self._throughput.add(ended, found.queue.workers) if found.queue else None
        now = datetime.now(UTC)
        number = self._latest.number + 1 if self._latest else 1
        self._latest = Sample(number, now, found, rate, condition(found, rate, now))
        interval = FIRST_INTERVAL if found.queue and rate is None else INTERVAL
        self._due = began + min(max(interval, _SHARE * (ended - began)), LONGEST_INTERVAL)
        self._keep(self._latest.point)
        return self._latest

    def _keep(self, point: Point) -> None:
        points = self._points
        if points and point[0] - points[-1][0] > _GAP:
            points.append((points[-1][0] + 1, None, None))
        points.append(point)
        while points[0][0] < point[0] - _KEPT:
            points.popleft()
