"""Relays killed, at named points and anywhere; a Redis that lost what came by the outbox."""

import signal
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Final

from processes import KEYS

from faults.events import some
from faults.fault import Fault, lead_to_death
from faults.stage import Stage
from signoff_schemas.keys import SUSPENDED

_POINTS: Final = ("after claim", "after publish", "before commit")
_BACKLOG: Final = 100


def _killed_at(point: str, stage: Stage, chance: Random) -> Iterator[None]:
    """One relay more, which the traffic leads to its death."""
    with stage.relays.one_more(point) as doomed:
        lead_to_death(doomed, point, lambda: stage.add(some(20, seed=chance.random())))
        yield


def _killed_anywhere(stage: Stage, chance: Random) -> Iterator[None]:
    stage.relays.replace(chance.choice(stage.relays.processes), signal.SIGKILL)
    yield
    stage.relays.replace(chance.choice(stage.relays.processes), signal.SIGKILL)


def _wiped(stage: Stage, chance: Random) -> Iterator[None]:
    """A backlog is lost; relays and workers go on while it is found and published again."""
    stage.redis.admin.set(SUSPENDED, 1)
    added: set[str] = set()
    while not added or stage.redis.admin.llen(KEYS.waiting) < _BACKLOG:  # others' may wait already
        added |= stage.add(some(_BACKLOG, seed=chance.random()))
        stage.until_relayed()
    gone = stage.wipe_redis()
    if not gone & added:
        raise AssertionError("of what was added to the outbox nothing was there to be wiped")
    stage.reconcile()
    yield


FAULTS: Final = (
    *(
        Fault(f"relay: kill -9 {point}", "outbox", partial(_killed_at, point), takes_long=True)
        for point in _POINTS
    ),
    Fault("relay: kill -9 at any moment", "outbox", _killed_anywhere),
    Fault("outbox: FLUSHALL, reconciled under load", "outbox", _wiped),
)
