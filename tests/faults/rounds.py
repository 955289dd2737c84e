"""One round: traffic, faults, healing, a drained queue, and an account of every event."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
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
    """What one round came to."""

    faults: tuple[str, ...]
    events: int
    """Published while it lasted."""
    recovery: float
    """Seconds from the healing until an event that was published then is applied."""
    named: int
    """What a fault took out of Redis by design: named by the account, and published again."""
    lost: int
    doubled: int
    wrong: tuple[str, ...]
    """Whatever else was found, in words."""

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
    before = stage.collect()
    with stage.traffic(RATE).flowing():
        with ExitStack() as healing:
            for fault in faults:
                healing.enter_context(fault.on(stage, chance))
            time.sleep(seconds)
        recovery = _recovery(stage, chance)
    stage.until_idle()
    named = _publish_what_was_taken(stage)
    account = stage.account()
    return Round(
        faults=tuple(fault.name for fault in faults),
        events=len(stage.published) - before,
        recovery=recovery,
        named=named,
        lost=len(account.lost),
        doubled=len(account.doubled),
        wrong=(*account.wrong, *(f"a worker ended with {code}" for code in stage.workers.ended())),
    )


def _recovery(stage: Stage, chance: Random) -> float:
    healed = time.monotonic()
    (probe,) = some(1, seed=chance.random())
    stage.publish([probe])
    eventually(lambda: stage.applied(probe), what="events are applied", log=stage.workers.log)
    return time.monotonic() - healed


def _publish_what_was_taken(stage: Stage) -> int:
    """Publish again what a fault took by design, and nothing else; returns how many there were.

    Where upstreams write to an outbox, this is what its reconciliation does.
    """
    taken = stage.account().lost & stage.may_be_lost
    stage.may_be_lost.clear()
    stage.publish_again(set(taken))
    stage.until_idle()
    return len(taken)
