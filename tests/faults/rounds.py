"""One round: traffic, faults, recovery, a drained queue, and a check of every event."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final

from processes import eventually

from faults.deployment import Deployment
from faults.events import some
from faults.fault import Fault

RATE: Final = 200
"""Events a second, where nothing else is asked for."""


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


def play(
    deployment: Deployment,
    faults: Sequence[Fault],
    chance: Random,
    *,
    seconds: float,
    rate: float = RATE,
    compare: bool = True,
) -> Round:
    """Run the faults under traffic for this time; then end them, drain the queue and check.

    Args:
        deployment: what they happen to.
        faults: in the order in which they begin.
        chance: decides what they leave open.
        seconds: how long they last.
        rate: events a second, of all publishers together.
        compare: whether what readers keep is compared with a rebuild, which takes time.

    Raises:
        NotHereError: this machine cannot do one of the faults.
        AssertionError: a fault did not have the effect it is for, or the queue does not drain.
    """
    before, reconciled = deployment.collect(), deployment.reconciled
    deployment.forgive()
    with deployment.traffic(rate).flowing(), deployment.desk.working():
        with ExitStack() as healing:
            for fault in faults:
                healing.enter_context(fault.on(deployment, chance))
            time.sleep(seconds)
        recovery = _recovery(deployment, chance)
    deployment.until_idle()
    account = deployment.account()
    lost = account.lost
    named = 0
    if taken := lost & deployment.may_be_lost():
        named = _bring_back(deployment, set(taken))
        account = deployment.account()
    for follower in deployment.following:
        follower.until_caught_up()
    return Round(
        faults=tuple(fault.name for fault in faults),
        events=len(deployment.published) - before,
        recovery=recovery,
        named=named,
        reconciled=deployment.reconciled - reconciled,
        spooled=len(deployment.spooled()),
        lost=len(account.lost | (lost - taken)),
        doubled=len(account.doubled),
        wrong=(
            *account.wrong,
            *deployment.readers.findings(),
            *(deployment.differences() if compare else ()),
            *_ended(deployment),
        ),
    )


def _ended(deployment: Deployment) -> Iterator[str]:
    """Processes that ended by themselves."""
    following = (follower.processes for follower in deployment.following)
    for group in (deployment.workers, deployment.relays, *following):
        for code in group.ended():
            yield f"a process of {group.log.stem} ended with {code}"


def _recovery(deployment: Deployment, chance: Random) -> float:
    healed = time.monotonic()
    direct, by_outbox = some(2, seed=chance.random())
    deployment.publish([direct])
    deployment.add([by_outbox])
    for probe in (direct, by_outbox):
        eventually(
            partial(deployment.applied, probe), what="it is applied", log=deployment.workers.log
        )
    return time.monotonic() - healed


def _bring_back(deployment: Deployment, taken: set[str]) -> int:
    """Publish events again that a fault removed by design, and no others.

    `signoff reconcile` has to find lost events of the outbox by itself. Other events are published
    again from the publishers' journals; returns how many.
    """
    if taken & deployment.outboxed:
        deployment.reconcile()
    deployment.publish_again(taken - deployment.outboxed)
    deployment.until_idle()
    return len(taken - deployment.outboxed)
