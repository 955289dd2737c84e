"""Readers of the feed are killed and stopped, at named points and at any moment."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Final

from faults.deployment import Deployment
from faults.events import some
from faults.facts import Facts
from faults.fault import Fault, work_until_killed
from faults.process_group import ProcessGroup
from faults.rapport import Rapport

Group = Callable[[Deployment], ProcessGroup]

_GROUPS: Final[dict[str, Group]] = {
    "feed reader": lambda deployment: deployment.readers.processes,
    "facts": lambda deployment: deployment.facts.processes,
    "rapport": lambda deployment: deployment.rapport.processes,
}
_POINTS: Final = {
    "feed reader": ("after effects", "before commit", "after commit"),
    "facts": ("after effects", "before commit", "after commit"),
    "rapport": ("after contexts", "before commit", "after commit", "after the copy", "at the end"),
}
_REBUILDING: Final[dict[str, Callable[[Deployment], Facts | Rapport]]] = {
    "facts": lambda deployment: deployment.facts,
    "rapport": lambda deployment: deployment.rapport,
}
_REBUILD_POINTS: Final = {
    "facts": ("when half of a part is committed", "before a part is committed"),
    "rapport": ("in a rebuild",),
}
_LONG: Final = 3.0
"""Seconds in which the traffic goes on without the instance that works."""


def _killed_at(group: Group, point: str, deployment: Deployment, chance: Random) -> Iterator[None]:
    """The only instance kills itself at the point; then others continue."""
    readers = group(deployment)
    with _none_of(readers), readers.one_more(point) as doomed:
        work_until_killed(doomed, point, lambda: deployment.publish(some(10, seed=chance.random())))
    yield


def _killed_in_a_rebuild(
    keeper: Callable[[Deployment], Facts | Rapport], point: str, deployment: Deployment, _: Random
) -> Iterator[None]:
    """The only instance kills itself while it computes all customers anew; others go on there."""
    kept = keeper(deployment)
    with _none_of(kept.processes):
        kept.lose_position()
        with kept.processes.one_more(point) as doomed:
            work_until_killed(doomed, point, lambda: None)
    yield


def _killed_anywhere(deployment: Deployment, chance: Random) -> Iterator[None]:
    """All instances of all readers."""
    groups = [group(deployment) for group in _GROUPS.values()]
    for readers in groups:
        for process in list(readers.processes):
            readers.replace(process, signal.SIGKILL)
    yield
    for readers in groups:
        readers.replace(chance.choice(readers.processes), signal.SIGKILL)


def _stopped(group: Group, deployment: Deployment, _: Random) -> Iterator[None]:
    """SIGSTOP, maybe within a turn: Postgres ends its transaction, and another instance goes on."""
    stopped = group(deployment).processes[0]
    stopped.send_signal(signal.SIGSTOP)
    time.sleep(_LONG)
    yield
    stopped.send_signal(signal.SIGCONT)


@contextmanager
def _none_of(readers: ProcessGroup) -> Iterator[None]:
    """End all instances; as many are started when the block ends."""
    count = len(readers.processes)
    for process in list(readers.processes):
        if code := readers.end(process, signal.SIGTERM):
            raise AssertionError(f"a reader that was asked to stop ended with {code}")
    yield
    readers.start(count)


FAULTS: Final = (
    Fault("readers of the feed: kill -9 at any moment", "workers", _killed_anywhere),
    *(
        Fault(f"{name}: kill -9 {point}", "workers", partial(_killed_at, group, point), True)
        for name, group in _GROUPS.items()
        for point in _POINTS[name]
    ),
    *(
        Fault(
            f"{name}: kill -9 {point}", "workers", partial(_killed_in_a_rebuild, kept, point), True
        )
        for name, kept in _REBUILDING.items()
        for point in _REBUILD_POINTS[name]
    ),
    *(
        Fault(f"{name}: SIGSTOP, SIGCONT", "workers", partial(_stopped, group), True)
        for name, group in _GROUPS.items()
    ),
)
