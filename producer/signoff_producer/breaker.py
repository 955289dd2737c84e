"""A circuit breaker: who publishes while Redis is down learns so at once, and Redis is let be."""

import threading
import time
from collections.abc import Callable
from typing import NoReturn

from signoff_producer.receipts import CircuitOpenError, QueueUnavailableError


class Breaker:
    """After `failures` publishes in a row that failed, lets one through every `cooldown` seconds.

    The first that succeeds lets all through again. Safe to share between threads; 0 failures: it
    lets everything through for ever.
    """

    def __init__(
        self, failures: int, cooldown: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = failures
        self._cooldown = cooldown
        self._clock = clock
        self._lock = threading.Lock()
        self._failed = 0
        self._probe_at: float | None = None
        """When the next publish may be tried; None while all may."""

    def admit(self) -> None:
        """Let a publish through, or not.

        Raises:
            CircuitOpenError: not now.
        """
        if not self._failed:
            return
        with self._lock:
            if self._probe_at is None:
                return
            now = self._clock()
            if now < self._probe_at:
                raise CircuitOpenError(self._failed, self._probe_at - now)
            self._probe_at = now + self._cooldown

    def succeeded(self) -> None:
        """Redis took what was let through."""
        if self._failed:
            with self._lock:
                self._failed, self._probe_at = 0, None

    def failed(self, error: QueueUnavailableError) -> None:
        """Redis did not take it, if it was let through."""
        if isinstance(error, CircuitOpenError):
            return
        with self._lock:
            self._failed += 1
            if self._most and self._failed >= self._most:
                self._probe_at = self._clock() + self._cooldown


class RejectedCall:
    """A call that was not let through; it says so where it is asked for its answer."""

    def __init__(self, error: CircuitOpenError) -> None:
        self._error = error

    def answer(self) -> NoReturn:
        """There is none.

        Raises:
            CircuitOpenError: always.
        """
        raise self._error

    again = answer

    def close(self) -> None:
        """Give nothing back: nothing was taken."""
