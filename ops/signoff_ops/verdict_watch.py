"""Wait for the verdicts of events that are published, for any number of waiting requests.

One thread serves them all, on one connection to Postgres and one to Redis, which it keeps for a few
seconds after the last one waited. Workers publish the ids of the jobs that they settle in Redis, if
anybody is subscribed (`signoff_queue.settled`). A worker that knows so lets Postgres notify of a
lone approval, too: that notice comes sooner, at the commit. Either notice only tells when to ask
Postgres for verdicts.

Notices can be lost, and workers of earlier releases send none. So the thread also asks once after
a few milliseconds; then it looks in Redis whether the jobs have ended, all in one round trip, the
more rarely the longer they take. A dead letter may be of an earlier delivery, so it counts only
after the job has ended.
"""

import asyncio
import logging
import math
import selectors
import socket
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Final
from uuid import UUID

import redis

from signoff_db.verdicts_now import EventStates, prepared_states
from signoff_ops.servers import Servers
from signoff_ops.verdict_answers import FinalVerdict, Waiter, answer_applied, answer_ended
from signoff_queue.settled import SettledNotices
from signoff_schemas import SignoffError

_logger: Final = logging.getLogger(__name__)
_SOONEST: Final = 0.005
_LATEST: Final = 0.25
"""Seconds between two looks at a job: a tenth of the time waited, within these bounds."""
_KEPT: Final = 5.0
"""Seconds for which the connections are kept while nobody waits."""
_OUTAGE: Final = 0.5
"""Seconds until the next look after a server could not be reached."""
_MOST_AT_ONCE: Final = 500


class Expected:
    """An event whose verdict will be waited for."""

    def __init__(self, watch: "VerdictWatch", waiter: Waiter | None) -> None:
        self._watch = watch
        self._waiter = waiter

    async def verdict(self, seconds: float) -> FinalVerdict | None:
        """Its verdict, once the queue has it; None if there is none after so many seconds."""
        if self._waiter is None:
            return None
        first_look = self._watch.begin(self._waiter)
        # `asyncio.timeout` would take longer, after the verdict has come.
        end = asyncio.get_running_loop().call_later(seconds, self._waiter.settle, None)
        try:
            return await self._waiter.answer
        finally:
            first_look.cancel()
            end.cancel()


class VerdictWatch:
    """Tells verdicts to those who wait for them; close it when nobody will wait any more."""

    def __init__(self, servers: Servers, *, most: int = 1000) -> None:
        """`most` is how many may wait; others are told at once that there is no verdict."""
        self._servers = servers
        self._most = most
        self._waiting: list[Waiter] = []
        self._lock = threading.Lock()
        """Held for the list, what is in it, and the times below."""
        self._sleeps_until = 0.0
        """When the thread looks by itself; before that it has to be woken."""
        self._kept_until = 0.0
        self._wakeups, self._waker = socket.socketpair()
        self._wakeups.setblocking(False)
        self._waker.setblocking(False)
        self._thread: threading.Thread | None = None
        self._closed = False

    @contextmanager
    def expecting(self, event_id: UUID, content_hash: bytes) -> Iterator[Expected]:
        """Listen for the verdict of an event from now on; publish it in the block.

        Args:
            event_id: of the event.
            content_hash: of its canonical JSON.
        """
        waiter = Waiter(event_id, content_hash, time.monotonic())
        with self._lock:
            may_wait = not self._closed and len(self._waiting) < self._most
            if may_wait:
                self._waiting.append(waiter)
                self._kept_until = waiter.began + _KEPT
                self._start()
        try:
            yield Expected(self, waiter if may_wait else None)
        finally:
            with self._lock, suppress(ValueError):  # it may not wait any more
                self._waiting.remove(waiter)

    def _start(self) -> None:
        """Start the thread, or wake it if it keeps no connection."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="verdicts", daemon=True)
            self._thread.start()
        elif self._sleeps_until == math.inf:
            self._wake()

    def begin(self, waiter: Waiter) -> asyncio.TimerHandle:
        """Look for a verdict of an event that was published: at a notice, or a little later.

        Returns:
            The timer of the look without a notice. It wakes the thread, which otherwise sleeps on:
            most notices come before.
        """
        now = time.monotonic()
        with self._lock:
            waiter.due = now if waiter.is_noticed else now + _SOONEST
            if waiter.is_noticed and waiter.due < self._sleeps_until:
                self._wake()
        return asyncio.get_running_loop().call_later(_SOONEST, self._look_when_due, waiter)

    def _look_when_due(self, waiter: Waiter) -> None:
        """Wake the thread, if it sleeps longer than until this waiter is due."""
        with self._lock:
            if waiter.due < self._sleeps_until:
                self._wake()

    def _wake(self) -> None:
        """Wake the thread."""
        self._sleeps_until = 0.0
        with suppress(BlockingIOError):  # it was woken often and is about to see it
            self._waker.send(b"!")

    def give_up(self) -> None:
        """Tell everybody who waits, and who will, that there is no verdict."""
        with self._lock:
            self._closed = True
            left, self._waiting = self._waiting, []
            self._wake()
        for waiter in left:
            waiter.resolve(None)

    def close(self) -> None:
        """Give up, and wait for the thread's end."""
        self.give_up()
        if self._thread is not None:
            self._thread.join()
        self._wakeups.close()
        self._waker.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wakeups, selectors.EVENT_READ)
            while self._is_asked(selector):
                try:
                    self._serve()
                except SignoffError as error:
                    _logger.debug("verdicts cannot be read: %s", error)
                    self._rest(selector)
                except Exception:
                    _logger.exception("verdicts cannot be read")
                    self._rest(selector)

    def _is_asked(self, selector: selectors.BaseSelector) -> bool:
        """Wait until somebody waits; False at the end."""
        while True:
            with self._lock:
                if self._closed or self._waiting:
                    return not self._closed
                self._sleeps_until = math.inf
            selector.select()
            self._take_wakeups()

    def _rest(self, selector: selectors.BaseSelector) -> None:
        """Wait until a server may be tried again, or the end."""
        end = time.monotonic() + _OUTAGE
        while not self._closed and (left := end - time.monotonic()) > 0:
            selector.select(left)
            self._take_wakeups()

    def _take_wakeups(self) -> None:
        """Read what `_wake` has sent, so that the next wait waits."""
        with suppress(BlockingIOError):
            self._wakeups.recv(4096)

    def _serve(self) -> None:
        """Answer who waits, until nobody has waited for some time, or the end."""
        queue = self._servers.settings.queue
        with (
            self._servers.redis() as client,
            closing(SettledNotices(client, queue)) as notices,
            self._servers.database() as connection,
            prepared_states(connection) as states,
            selectors.DefaultSelector() as selector,
        ):
            selector.register(self._wakeups, selectors.EVENT_READ)
            selector.register(notices, selectors.EVENT_READ)
            selector.register(states, selectors.EVENT_READ)
            while (seconds := self._pause()) is not None:
                pause = 0 if states.has_notices() else seconds
                ready = {key.fileobj for key, _ in selector.select(pause)}
                if self._wakeups in ready:
                    self._take_wakeups()
                settled = notices.read() if notices in ready else set()
                settled |= states.committed()
                for some in self._chosen(settled):
                    self._look(states, client, some)

    def _pause(self) -> float | None:
        """Seconds until the next look; None if nobody has waited for some time, or at the end."""
        now = time.monotonic()
        with self._lock:
            if self._closed or (not self._waiting and now > self._kept_until):
                return None
            # Who waits longer than the connections are kept must not turn this into a busy loop.
            latest = max(self._kept_until, now + _LATEST)
            self._sleeps_until = min([latest, *(one.due for one in self._waiting)])
            return max(0.0, self._sleeps_until - now)

    def _chosen(self, settled: Collection[bytes]) -> Iterator[Sequence[Waiter]]:
        """Those to look at now: a notice has named them, or they are due."""
        now = time.monotonic()
        with self._lock:
            self._sleeps_until = 0.0
            for one in self._waiting if settled else ():
                one.is_noticed = one.is_noticed or str(one.event_id).encode() in settled
            chosen = [one for one in self._waiting if one.is_published and not one.answer.done()]
            chosen = [one for one in chosen if one.is_noticed or one.due <= now]
        for first in range(0, len(chosen), _MOST_AT_ONCE):
            yield chosen[first : first + _MOST_AT_ONCE]

    def _look(self, states: EventStates, client: redis.Redis, waiters: Sequence[Waiter]) -> None:
        """Answer those whose event has a verdict, and say when to look for the others."""
        with self._lock:
            hopeful = [one for one in waiters if one.is_noticed or one.is_new]
            others = [one for one in waiters if not one.is_noticed and not one.is_new]
            now = time.monotonic()
            for waiter in waiters:
                waiter.is_noticed = waiter.is_new = False
                waiter.due = now + min(_LATEST, max(_SOONEST, (now - waiter.began) / 10))
        with_letter = answer_applied(states, hopeful)
        answer_ended(states, client, others + with_letter)
