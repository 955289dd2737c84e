"""Readers of the feed are killed and stopped, at named points and at any moment."""

import signal
import time
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Final

from faults.events import some
from faults.fault import Fault, lead_to_death
from faults.stage import Stage

_POINTS: Final = ("after effects", "before commit", "after commit")
_LONG: Final = 3.0
"""Seconds in which the traffic goes on without the instance that works."""


def _killed_at(point: str, stage: Stage, chance: Random) -> Iterator[None]:
    """The only instance, which the traffic leads to its death; then others go on."""
    crew = stage.readers.crew
    count = len(crew.processes)
    for process in list(crew.processes):
        if code := crew.end(process, signal.SIGTERM):
            raise AssertionError(f"a reader that was asked to stop ended with {code}")
    with crew.one_more(point) as doomed:
        lead_to_death(doomed, point, lambda: stage.publish(some(10, seed=chance.random())))
    crew.start(count)
    yield


def _killed_anywhere(stage: Stage, chance: Random) -> Iterator[None]:
    crew = stage.readers.crew
    for process in list(crew.processes):
        crew.replace(process, signal.SIGKILL)
    yield
    crew.replace(chance.choice(crew.processes), signal.SIGKILL)


def _stopped(stage: Stage, _: Random) -> Iterator[None]:
    """SIGSTOP, maybe within a turn: Postgres ends its transaction, and another instance goes on."""
    stopped = stage.readers.crew.processes[0]
    stopped.send_signal(signal.SIGSTOP)
    time.sleep(_LONG)
    yield
    stopped.send_signal(signal.SIGCONT)


FAULTS: Final = (
    Fault("feed reader: kill -9 at any moment", "workers", _killed_anywhere),
    *(
        Fault(
            f"feed reader: kill -9 {point}", "workers", partial(_killed_at, point), takes_long=True
        )
        for point in _POINTS
    ),
    Fault("feed reader: SIGSTOP, SIGCONT", "workers", _stopped, takes_long=True),
)
