"""Wait for the verdicts of events that were just published, for any number of waiting requests.

One thread serves them all, on one connection to Postgres, which it keeps as long as anybody waits.

Most events are applied a few milliseconds after they were published. So it asks Postgres for the
verdicts of all recent ones in one short statement, every millisecond: workers tell nobody what they
did, since that would cost each batch. For the others it first looks in Redis whether their jobs
have ended, all in one round trip, the more rarely the longer they take; then Postgres is not asked
in vain. A dead letter may be of an earlier delivery, so it counts only after the job has ended.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.verdicts_now import Fate, fates_of
from signoff_ops.servers import Servers
from signoff_queue.ended import ended
from signoff_schemas import FailureKind, SignoffError, Verdict

_logger: Final = logging.getLogger(__name__)
_SOONEST: Final = 0.001
_LATEST: Final = 0.05
"""Seconds between two looks at a job: a twentieth of the time waited, within these bounds."""
_RECENT: Final = 0.02
"""Seconds after its publishing in which an event is looked for in Postgres at once."""
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
        while self._is_asked():
            try:
                with self._servers.database() as connection:
                    while due := self._due():
                        self._look(connection, due)
            except SignoffError as error:
                _logger.debug("verdicts cannot be read: %s", error)
                self._rest()
            except Exception:
                _logger.exception("verdicts cannot be read")
                self._rest()

    def _is_asked(self) -> bool:
        """Wait until somebody waits; False at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting)
            return not self._closed

    def _rest(self) -> None:
        """Wait until a server may be tried again, or the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, _OUTAGE)

    def _due(self) -> list[_Waiter]:
        """Wait for those who are due; none if nobody waits any more, or at the end."""
        with self._changed:
            while not self._closed:
                self._waiting = [
                    one for one in self._waiting if not (one.resolved or one.answer.done())
                ]
                if not self._waiting:
                    break
                now = time.monotonic()
                due = [one for one in self._waiting if one.due <= now]
                if due:
                    return due[:_MOST_AT_ONCE]
                self._changed.wait(min(one.due for one in self._waiting) - now)
        return []

    def _look(self, connection: Connection[TupleRow], waiters: Sequence[_Waiter]) -> None:
        """Answer those whose event has a verdict, and say when to look for the others."""
        now = time.monotonic()
        recent = [one for one in waiters if now - one.began < _RECENT]
        with_letter = self._answer_applied(connection, recent)
        others = [one for one in waiters if now - one.began >= _RECENT]
        self._answer_ended(connection, others + with_letter)
        now = time.monotonic()
        for waiter in waiters:
            waiter.due = now + min(_LATEST, max(_SOONEST, (now - waiter.began) / 20))

    def _answer_applied(
        self, connection: Connection[TupleRow], waiters: Sequence[_Waiter]
    ) -> list[_Waiter]:
        """Answer those whose event is in the ledger; returns those that have a dead letter."""
        with_letter = []
        for waiter, fate in _fates(connection, waiters):
            if fate.verdict is not None:
                waiter.resolve(_verdict_of(fate, time.monotonic() - waiter.began))
            elif fate.kind is not None:
                with_letter.append(waiter)
        return with_letter

    def _answer_ended(self, connection: Connection[TupleRow], waiters: Sequence[_Waiter]) -> None:
        """Answer those whose job has ended."""
        if not waiters:
            return
        with self._servers.redis() as client:
            over = ended(client, [str(one.event_id) for one in waiters])
        settled = [one for one, is_over in zip(waiters, over, strict=True) if is_over]
        for waiter, fate in _fates(connection, settled):
            waiter.resolve(_verdict_of(fate, time.monotonic() - waiter.began))


def _fates(
    connection: Connection[TupleRow], waiters: Sequence[_Waiter]
) -> Iterator[tuple[_Waiter, Fate]]:
    """What Postgres holds of each one's event."""
    if not waiters:
        return iter(())
    events, hashes = [one.event_id for one in waiters], [one.content_hash for one in waiters]
    return zip(waiters, fates_of(connection, events, hashes), strict=True)


def _verdict_of(fate: Fate, elapsed: float) -> FinalVerdict | None:
    if fate.verdict is not None and fate.age is not None:
        # Its transaction began before it was published: that was an earlier delivery.
        verdict = Verdict.DUPLICATE if fate.age > elapsed else Verdict(fate.verdict)
        return FinalVerdict(verdict)
    if fate.kind is not None:
        return FinalVerdict(FailureKind(fate.kind), fate.dead_letter, fate.message)
    return None
