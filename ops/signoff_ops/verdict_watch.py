"""Wait for the verdicts of events that were just published, for any number of waiting requests.

One thread serves them all. It looks in Redis whether their jobs have ended, all in one round trip,
and reads the verdicts of those that have in one statement of Postgres. So Postgres is not asked in
vain, and Redis is asked rarely for an event that takes long.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from signoff_db.verdicts_now import Fate, fates_of
from signoff_ops.servers import Servers
from signoff_queue.ended import ended
from signoff_schemas import FailureKind, SignoffError, Verdict

_logger: Final = logging.getLogger(__name__)
_SOONEST: Final = 0.001
_LATEST: Final = 0.05
"""Seconds between two looks at a job: a twentieth of the time waited, within these bounds."""
_OUTAGE: Final = 0.5
"""Seconds until the next look after a server could not be reached."""
_MOST_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class FinalVerdict:
    """What an event came to."""

    verdict: Verdict | FailureKind
    dead_letter: int | None = None
    """The id of its dead letter, if it is one."""
    reason: str | None = None
    """Why it is one."""


@dataclass(slots=True, eq=False)
class _Waiter:
    event_id: UUID
    content_hash: bytes
    began: float
    answer: "asyncio.Future[FinalVerdict | None]"
    due: float
    """When to look at its job next."""
    resolved: bool = False
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def resolve(self, verdict: FinalVerdict | None) -> None:
        """Give the answer, from another thread."""
        self.resolved = True
        self.loop.call_soon_threadsafe(self._set, verdict)

    def _set(self, verdict: FinalVerdict | None) -> None:
        if not self.answer.done():
            self.answer.set_result(verdict)


class VerdictWatch:
    """Tells verdicts to those who wait for them; close it when nobody will wait any more."""

    def __init__(self, servers: Servers, *, most: int = 1000) -> None:
        """`most` is how many may wait; others are told at once that there is no verdict."""
        self._servers = servers
        self._most = most
        self._waiting: list[_Waiter] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    async def verdict(
        self, event_id: UUID, content_hash: bytes, *, began: float, seconds: float
    ) -> FinalVerdict | None:
        """The event's verdict; None if there is none after so many seconds.

        Args:
            event_id: of an event that was published.
            content_hash: of its canonical JSON.
            began: when publishing it began, on the monotonic clock; what was applied before makes
                it a duplicate.
            seconds: the most to wait.
        """
        answer: asyncio.Future[FinalVerdict | None] = asyncio.get_running_loop().create_future()
        waiter = _Waiter(event_id, content_hash, began, answer, time.monotonic() + _SOONEST)
        if not self._add(waiter):
            return None
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            return None

    def _add(self, waiter: _Waiter) -> bool:
        with self._changed:
            if self._closed or len(self._waiting) >= self._most:
                return False
            self._waiting.append(waiter)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="verdicts", daemon=True)
                self._thread.start()
            self._changed.notify()
            return True

    def give_up(self) -> None:
        """Tell everybody who waits, and who will, that there is no verdict."""
        with self._changed:
            self._closed = True
            left, self._waiting = self._waiting, []
            self._changed.notify()
        for waiter in left:
            waiter.resolve(None)

    def close(self) -> None:
        """Give up, and wait for the thread's end."""
        self.give_up()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (due := self._due()) is not None:
            delay = 0.0
            try:
                self._look(due)
            except SignoffError as error:
                _logger.debug("verdicts cannot be read: %s", error)
                delay = _OUTAGE
            except Exception:
                _logger.exception("verdicts cannot be read")
                delay = _OUTAGE
            now = time.monotonic()
            for waiter in due:
                usual = min(_LATEST, max(_SOONEST, (now - waiter.began) / 20))
                waiter.due = now + max(delay, usual)

    def _due(self) -> list[_Waiter] | None:
        """Wait for those whose job is to be looked at; None at the end."""
        with self._changed:
            while not self._closed:
                self._waiting = [
                    one for one in self._waiting if not (one.resolved or one.answer.done())
                ]
                now = time.monotonic()
                due = [one for one in self._waiting if one.due <= now]
                if due:
                    return due[:_MOST_AT_ONCE]
                soonest = min((one.due for one in self._waiting), default=None)
                self._changed.wait(None if soonest is None else soonest - now)
        return None

    def _look(self, waiters: Sequence[_Waiter]) -> None:
        """Answer those whose job has ended."""
        with self._servers.redis() as client:
            over = ended(client, [str(one.event_id) for one in waiters])
        settled = [one for one, is_over in zip(waiters, over, strict=True) if is_over]
        if not settled:
            return
        with self._servers.database() as connection:
            fates = fates_of(
                connection,
                [one.event_id for one in settled],
                [one.content_hash for one in settled],
            )
        now = time.monotonic()
        for waiter, fate in zip(settled, fates, strict=True):
            waiter.resolve(_verdict_of(fate, now - waiter.began))


def _verdict_of(fate: Fate, elapsed: float) -> FinalVerdict | None:
    if fate.verdict is not None and fate.age is not None:
        # Its transaction began before it was published: that was an earlier delivery.
        verdict = Verdict.DUPLICATE if fate.age > elapsed else Verdict(fate.verdict)
        return FinalVerdict(verdict)
    if fate.kind is not None:
        return FinalVerdict(FailureKind(fate.kind), fate.dead_letter, fate.message)
    return None
