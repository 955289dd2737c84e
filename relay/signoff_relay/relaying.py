"""The relay: moves events from the outbox to the queue until it is stopped."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from signoff_db.connection import DatabaseUnavailableError
from signoff_producer import QueueFull, QueueUnavailableError
from signoff_relay.lane import Lane
from signoff_schemas.backoff import StoppedError, retry_outages

log = logging.getLogger("signoff.relay")

_OUTAGES: Final = (DatabaseUnavailableError, QueueUnavailableError, QueueFull)
_SOONEST: Final = 0.05
"""The shortest wait, in seconds, for an event that is due: another relay may have it in hand."""
_STOP_CHECK: Final = 0.25
"""Seconds between checks whether the relay is to stop."""
_FULL: Final = 1.0
"""The longest delay, in seconds, if the queue is full: workers make room all the time."""


class Relay:
    """Moves all waiting events, then waits for a notification or the next poll."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        stop: threading.Event,
        *,
        poll: float,
        between: Callable[[], None] | None = None,
    ) -> None:
        """Takes one lane that listens, and any number that help it with a backlog.

        Args:
            lanes: the first one listens.
            stop: once set, the relay ends after the current batches.
            poll: seconds after which it looks for events without a notification.
            between: run whenever nothing waits.
        """
        self._first, self._helpers = lanes[0], lanes[1:]
        self._stop = stop
        self._poll = poll
        self._between = between
        self._full = False
        """Whether the last outage was a full queue."""

    def run(self, *, burst: bool = False) -> None:
        """Move until stopped; with `burst`, until nothing waits."""
        try:
            while self._with_backoff(self._move_all) and not burst:
                if self._between:
                    self._with_backoff(self._between)
                self._wait()
        finally:
            for lane in (self._first, *self._helpers):
                lane.drop()

    def _move_all(self) -> None:
        """Move a batch. If it was full, more events wait: then all lanes work until none waits."""
        if self._first.move() < self._first.most:
            return
        with ThreadPoolExecutor(1 + len(self._helpers)) as pool:
            working = [pool.submit(self._work_off, lane) for lane in (self._first, *self._helpers)]
        for lane in self._helpers:
            lane.drop()
        for worked in working:
            worked.result()

    def _work_off(self, lane: Lane) -> None:
        while not self._stop.is_set() and lane.move() == lane.most:
            pass

    def _wait(self) -> None:
        """Wait until events are added or due, the next poll, or the end."""
        deadline = time.monotonic() + min(self._poll, max(_SOONEST, self._first.due_in()))
        while not self._stop.is_set() and (left := deadline - time.monotonic()) > 0:
            if self._first.added(within=min(left, _STOP_CHECK)):
                return

    def _with_backoff(self, step: Callable[[], None]) -> bool:
        """Run a step; repeat it with backoff while a server is unavailable or the queue is full.

        Returns:
            Whether to go on: false once the relay is to stop.
        """
        try:
            retry_outages(
                step,
                outages=lambda error: isinstance(error, _OUTAGES),
                on_outage=self._note,
                on_recovery=lambda: log.info("it goes on"),
                wait=self._wait_for_server,
            )
        except StoppedError:
            return False
        return not self._stop.is_set()

    def _note(self, error: Exception, _delay: float) -> None:
        log.error("%s", error)
        self._full = isinstance(error, QueueFull)

    def _wait_for_server(self, delay: float) -> bool:
        return self._stop.wait(min(delay, _FULL) if self._full else delay)
