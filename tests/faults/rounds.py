"""One round: traffic, faults, healing, a drained queue, and an account of every event."""

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
from faults.stage import Stage

RATE: Final = 200
"""Events a second, of all publishers together."""


@dataclass(frozen=True)
class Round:
    """The result of one round."""

    faults: tuple[str, ...]
    events: int
    """Published while it lasted."""
    recovery: float
    """Seconds from the healing until what was published then is applied, by either way."""
    named: int
    """What a fault took out of Redis by design: named by the account, and published again."""
    reconciled: int
    """What it took of an outbox's: found and published again by `signoff reconcile`."""
    spooled: int
    """What went to a publisher's disk while Redis did not take it, and from there to Redis."""
    lost: int
    doubled: int
    wrong: tuple[str, ...]
    """Other findings, as text."""

    @property
    def good(self) -> bool:
        """Whether nothing is lost, doubled or otherwise wrong."""
        return not (self.lost or self.doubled or self.wrong)


def play(stage: Stage, faults: Sequence[Fault], chance: Random, *, seconds: float) -> Round:
    """Let the faults last so long under traffic; then heal, drain and account.

    Raises:
        NotHereError: this machine cannot do one of the faults.
        AssertionError: a fault did not have the effect it is for, or the queue does not drain.
    """
    before, reconciled = stage.collect(), stage.reconciled
    stage.forgive()
    with stage.traffic(RATE).flowing():
        with ExitStack() as healing:
            for fault in faults:
                healing.enter_context(fault.on(stage, chance))
            time.sleep(seconds)
        recovery = _recovery(stage, chance)
    stage.until_idle()
    lost = stage.account().lost
    taken = lost & stage.may_be_lost()
    named = _bring_back(stage, set(taken))
    account = stage.account()
    stage.readers.until_caught_up()
    ended = (*stage.workers.ended(), *stage.relays.ended(), *stage.readers.crew.ended())
    return Round(
        faults=tuple(fault.name for fault in faults),
        events=len(stage.published) - before,
        recovery=recovery,
        named=named,
        reconciled=stage.reconciled - reconciled,
        spooled=len(stage.spooled()),
        lost=len(account.lost | (lost - taken)),
        doubled=len(account.doubled),
        wrong=(
            *account.wrong,
            *stage.readers.findings(),
            *(f"a worker, a relay or a reader ended with {code}" for code in ended),
        ),
    )


def _recovery(stage: Stage, chance: Random) -> float:
    healed = time.monotonic()
    direct, by_outbox = some(2, seed=chance.random())
    stage.publish([direct])
    stage.add([by_outbox])
    for probe in (direct, by_outbox):
        eventually(partial(stage.applied, probe), what="it is applied", log=stage.workers.log)
    return time.monotonic() - healed


def _bring_back(stage: Stage, taken: set[str]) -> int:
    """Publish events again that a fault removed by design, and no others.

    `signoff reconcile` has to find lost events of the outbox by itself. Other events are published
    again from the publishers' journals; returns how many.
    """
    if taken & stage.outboxed:
        stage.reconcile()
    stage.publish_again(taken - stage.outboxed)
    stage.until_idle()
    return len(taken - stage.outboxed)
