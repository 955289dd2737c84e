"""Who waits for a verdict, and what is answered."""

import asyncio
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import redis

from signoff_db.verdicts_now import Fate, Fates
from signoff_queue.ended import ended
from signoff_schemas import FailureKind, Verdict


@dataclass(frozen=True, slots=True)
class FinalVerdict:
    """What an event came to."""

    verdict: Verdict | FailureKind
    dead_letter: int | None = None
    """The id of its dead letter, if it is one."""
    reason: str | None = None
    """Why it is one."""


@dataclass(slots=True, eq=False)
class Waiter:
    """Somebody who waits for the verdict of an event, or will as soon as it is published."""

    event_id: UUID
    content_hash: bytes
    began: float
    """When publishing began, on the monotonic clock: what was applied before is a duplicate."""
    answer: "asyncio.Future[FinalVerdict | None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    due: float = math.inf
    """When to look at its job next, unless a notice comes; never before it was published."""
    is_noticed: bool = False
    """Whether a worker seems to have settled it since the last look."""
    is_new: bool = True
    """Whether nobody looked yet."""

    @property
    def is_published(self) -> bool:
        """Whether the queue has it, so that somebody waits for its verdict."""
        return self.due < math.inf

    def resolve(self, verdict: FinalVerdict | None) -> None:
        """Give the answer, from another thread."""
        self.answer.get_loop().call_soon_threadsafe(self.settle, verdict)

    def settle(self, verdict: FinalVerdict | None) -> None:
        """Give the answer, in the thread of the event loop; the first one counts."""
        if not self.answer.done():
            self.answer.set_result(verdict)


def answer_applied(fates: Fates, waiters: Sequence[Waiter]) -> list[Waiter]:
    """Answer those whose event is in the ledger; returns those that have a dead letter."""
    with_letter = []
    for waiter, fate in _fates_of(fates, waiters):
        if fate.verdict is not None:
            waiter.resolve(_verdict_of(fate, time.monotonic() - waiter.began))
        elif fate.kind is not None:
            with_letter.append(waiter)
    return with_letter


def answer_ended(fates: Fates, client: redis.Redis, waiters: Sequence[Waiter]) -> None:
    """Answer those whose job has ended."""
    if not waiters:
        return
    over = ended(client, [str(one.event_id) for one in waiters])
    settled = [one for one, is_over in zip(waiters, over, strict=True) if is_over]
    for waiter, fate in _fates_of(fates, settled):
        waiter.resolve(_verdict_of(fate, time.monotonic() - waiter.began))


def _fates_of(fates: Fates, waiters: Sequence[Waiter]) -> Iterator[tuple[Waiter, Fate]]:
    """What Postgres holds of each one's event."""
    if not waiters:
        return iter(())
    events, hashes = [one.event_id for one in waiters], [one.content_hash for one in waiters]
    return zip(waiters, fates.of(events, hashes), strict=True)


def _verdict_of(fate: Fate, elapsed: float) -> FinalVerdict | None:
    if fate.verdict is not None and fate.age is not None:
        # Its transaction began before it was published: that was an earlier delivery.
        verdict = Verdict.DUPLICATE if fate.age > elapsed else Verdict(fate.verdict)
        return FinalVerdict(verdict)
    if fate.kind is not None:
        return FinalVerdict(FailureKind(fate.kind), fate.dead_letter, fate.message)
    return None
