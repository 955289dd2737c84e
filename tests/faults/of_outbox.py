"""Relays killed, at named points and anywhere; a Redis that lost what came by the outbox."""

import signal
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Final

from processes import KEYS

from faults.deployment import Deployment
from faults.events import some
from faults.fault import Fault, work_until_killed
from signoff_schemas.keys import SUSPENDED

_POINTS: Final = ("after claim", "after publish", "before commit")
_BACKLOG: Final = 100


def _killed_at(point: str, deployment: Deployment, chance: Random) -> Iterator[None]:
    """One more relay, which kills itself at the point."""
    with deployment.relays.one_more(point) as doomed:
        work_until_killed(doomed, point, lambda: deployment.add(some(20, seed=chance.random())))
        yield


def _killed_anywhere(deployment: Deployment, chance: Random) -> Iterator[None]:
    deployment.relays.replace(chance.choice(deployment.relays.processes), signal.SIGKILL)
    yield
    deployment.relays.replace(chance.choice(deployment.relays.processes), signal.SIGKILL)


def _wiped(deployment: Deployment, chance: Random) -> Iterator[None]:
    """A backlog is lost; it is found and published again while relays and workers run."""
    deployment.redis.admin.set(SUSPENDED, 1)
    added: set[str] = set()
    while (
        not added or deployment.redis.admin.llen(KEYS.waiting) < _BACKLOG
    ):  # events of other publishers may be waiting as well
        added |= deployment.add(some(_BACKLOG, seed=chance.random()))
        deployment.until_relayed()
    gone = deployment.wipe_redis()
    if not gone & added:
        raise AssertionError("of what was added to the outbox nothing was there to be wiped")
    deployment.reconcile()
    yield


FAULTS: Final = (
    *(
        Fault(f"relay: kill -9 {point}", "outbox", partial(_killed_at, point), takes_long=True)
        for point in _POINTS
    ),
    Fault("relay: kill -9 at any moment", "outbox", _killed_anywhere),
    Fault("outbox: FLUSHALL, reconciled under load", "outbox", _wiped),
)
