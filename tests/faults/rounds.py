"""One round: traffic, faults, recovery, a drained queue, and a check of every event."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final

from processes import eventually

from faults.events import some
from faults.fault import Fault
from faults.testbed import Testbed

RATE: Final = 200
"""Events a second, of all publishers together."""


@dataclass(frozen=True)
class Round:
    """The result of one round."""

    faults: tuple[str, ...]
    events: int
    """Published while it lasted."""
    recovery: float
    """Seconds from the end of the faults until new events are applied, by queue and by outbox."""
    named: int
    """Events that a fault removed from Redis by design; found missing, and published again."""
    reconciled: int
    """Of these, events of the outbox, which `signoff reconcile` found and published again."""
    spooled: int
    """Events that went to a publisher's spool during an outage, and from there to Redis."""
    lost: int
    doubled: int
    wrong: tuple[str, ...]
    """Other findings, as text."""

    @property
    def good(self) -> bool:
        """Whether nothing is lost, doubled or otherwise wrong."""
        return not (self.lost or self.doubled or self.wrong)


def play(testbed: Testbed, faults: Sequence[Fault], chance: Random, *, seconds: float) -> Round:
    """Run the faults under traffic for this time; then end them, drain the queue and check.

    Raises:
        NotHereError: this machine cannot do one of the faults.
        AssertionError: a fault did not have the effect it is for, or the queue does not drain.
    """
    before, reconciled = testbed.collect(), testbed.reconciled
    testbed.forgive()
    with testbed.traffic(RATE).flowing():
        with ExitStack() as healing:
            for fault in faults:
                healing.enter_context(fault.on(testbed, chance))
            time.sleep(seconds)
        recovery = _recovery(testbed, chance)
    testbed.until_idle()
    lost = testbed.account().lost
    taken = lost & testbed.may_be_lost()
    named = _bring_back(testbed, set(taken))
    account = testbed.account()
    testbed.readers.until_caught_up()
    ended = (
        code
        for group in (testbed.workers, testbed.relays, testbed.readers.processes)
        for code in group.ended()
    )
    return Round(
        faults=tuple(fault.name for fault in faults),
        events=len(testbed.published) - before,
        recovery=recovery,
        named=named,
        reconciled=testbed.reconciled - reconciled,
        spooled=len(testbed.spooled()),
        lost=len(account.lost | (lost - taken)),
        doubled=len(account.doubled),
        wrong=(
            *account.wrong,
            *testbed.readers.findings(),
            *(f"a worker, a relay or a reader ended with {code}" for code in ended),
        ),
    )


def _recovery(testbed: Testbed, chance: Random) -> float:
    healed = time.monotonic()
    direct, by_outbox = some(2, seed=chance.random())
    testbed.publish([direct])
    testbed.add([by_outbox])
    for probe in (direct, by_outbox):
        eventually(partial(testbed.applied, probe), what="it is applied", log=testbed.workers.log)
    return time.monotonic() - healed


def _bring_back(testbed: Testbed, taken: set[str]) -> int:
    """Publish events again that a fault removed by design, and no others.

    `signoff reconcile` has to find lost events of the outbox by itself. Other events are published
    again from the publishers' journals; returns how many.
    """
    if taken & testbed.outboxed:
        testbed.reconcile()
    testbed.publish_again(taken - testbed.outboxed)
    testbed.until_idle()
    return len(taken - testbed.outboxed)
