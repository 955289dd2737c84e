"""Who waits for a verdict, and what is answered."""

import asyncio
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import redis

from signoff_db.verdicts_now import EventState, EventStates
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


def answer_applied(states: EventStates, waiters: Sequence[Waiter]) -> list[Waiter]:
    """Answer those whose event is in the ledger; returns those that have a dead letter."""
    with_letter = []
    for waiter, state in _states_of(states, waiters):
        if state.verdict is not None:
            waiter.resolve(_verdict_of(state, time.monotonic() - waiter.began))
        elif state.kind is not None:
            with_letter.append(waiter)
    return with_letter


def answer_ended(states: EventStates, client: redis.Redis, waiters: Sequence[Waiter]) -> None:
    """Answer those whose job has ended."""
    if not waiters:
        return
    over = ended(client, [str(one.event_id) for one in waiters])
    settled = [one for one, is_over in zip(waiters, over, strict=True) if is_over]
    for waiter, state in _states_of(states, settled):
        waiter.resolve(_verdict_of(state, time.monotonic() - waiter.began))


def _states_of(
    states: EventStates, waiters: Sequence[Waiter]
) -> Iterator[tuple[Waiter, EventState]]:
    """What Postgres holds of each one's event."""
    if not waiters:
        return iter(())
    events, hashes = [one.event_id for one in waiters], [one.content_hash for one in waiters]
    return zip(waiters, states.of(events, hashes), strict=True)


def _verdict_of(state: EventState, elapsed: float) -> FinalVerdict | None:
    if state.verdict is not None and state.age is not None:
        # Its transaction began before it was published: that was an earlier delivery.
        verdict = Verdict.DUPLICATE if state.age > elapsed else Verdict(state.verdict)
        return FinalVerdict(verdict)
    if state.kind is not None:
        return FinalVerdict(FailureKind(state.kind), state.dead_letter, state.message)
    return None
