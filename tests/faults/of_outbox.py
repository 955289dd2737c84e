"""Relays killed, at named points and anywhere; a Redis that lost what came by the outbox."""

import signal
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Final

from processes import KEYS

from faults.events import some
from faults.fault import Fault, work_until_killed
from faults.testbed import Testbed
from signoff_schemas.keys import SUSPENDED

_POINTS: Final = ("after claim", "after publish", "before commit")
_BACKLOG: Final = 100


def _killed_at(point: str, testbed: Testbed, chance: Random) -> Iterator[None]:
    """One more relay, which kills itself at the point."""
    with testbed.relays.one_more(point) as doomed:
        work_until_killed(doomed, point, lambda: testbed.add(some(20, seed=chance.random())))
        yield


def _killed_anywhere(testbed: Testbed, chance: Random) -> Iterator[None]:
    testbed.relays.replace(chance.choice(testbed.relays.processes), signal.SIGKILL)
    yield
    testbed.relays.replace(chance.choice(testbed.relays.processes), signal.SIGKILL)


def _wiped(testbed: Testbed, chance: Random) -> Iterator[None]:
    """A backlog is lost; it is found and published again while relays and workers run."""
    testbed.redis.admin.set(SUSPENDED, 1)
    added: set[str] = set()
    while (
        not added or testbed.redis.admin.llen(KEYS.waiting) < _BACKLOG
    ):  # events of other publishers may be waiting as well
        added |= testbed.add(some(_BACKLOG, seed=chance.random()))
        testbed.until_relayed()
    gone = testbed.wipe_redis()
    if not gone & added:
        raise AssertionError("of what was added to the outbox nothing was there to be wiped")
    testbed.reconcile()
    yield


FAULTS: Final = (
    *(
        Fault(f"relay: kill -9 {point}", "outbox", partial(_killed_at, point), takes_long=True)
        for point in _POINTS
    ),
    Fault("relay: kill -9 at any moment", "outbox", _killed_anywhere),
    Fault("outbox: FLUSHALL, reconciled under load", "outbox", _wiped),
)
