"""Readers of the feed are killed and stopped, at named points and at any moment."""

import signal
import time
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Final

from faults.deployment import Deployment
from faults.events import some
from faults.fault import Fault, work_until_killed

_POINTS: Final = ("after effects", "before commit", "after commit")
_LONG: Final = 3.0
"""Seconds in which the traffic goes on without the instance that works."""


def _killed_at(point: str, deployment: Deployment, chance: Random) -> Iterator[None]:
    """The only instance kills itself at the point; then others continue."""
    readers = deployment.readers.processes
    count = len(readers.processes)
    for process in list(readers.processes):
        if code := readers.end(process, signal.SIGTERM):
            raise AssertionError(f"a reader that was asked to stop ended with {code}")
    with readers.one_more(point) as doomed:
        work_until_killed(doomed, point, lambda: deployment.publish(some(10, seed=chance.random())))
    readers.start(count)
    yield


def _killed_anywhere(deployment: Deployment, chance: Random) -> Iterator[None]:
    readers = deployment.readers.processes
    for process in list(readers.processes):
        readers.replace(process, signal.SIGKILL)
    yield
    readers.replace(chance.choice(readers.processes), signal.SIGKILL)


def _stopped(deployment: Deployment, _: Random) -> Iterator[None]:
    """SIGSTOP, maybe within a turn: Postgres ends its transaction, and another instance goes on."""
    stopped = deployment.readers.processes.processes[0]
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
