"""A circuit breaker: after several failures in a row a publish fails at once, without a try."""

import threading
import time
from collections.abc import Callable

from signoff_producer.receipts import CircuitOpenError, QueueUnavailableError


class Breaker:
    """Opens after `failures` failed publishes in a row; then admits one every `cooldown` seconds.

    The first success closes it: then all publishes are admitted. With `failures` 0 it never opens.
    Safe to share between threads.
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
        """When the next publish is admitted; None while all are."""

    def admit(self) -> None:
        """Return if a publish is admitted now.

        Raises:
            CircuitOpenError: it is not admitted.
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
        """Note that a publish succeeded."""
        if self._failed:
            with self._lock:
                self._failed, self._probe_at = 0, None

    def failed(self, error: QueueUnavailableError) -> None:
        """Note that a publish failed. One that was not admitted does not count."""
        if isinstance(error, CircuitOpenError):
            return
        with self._lock:
            self._failed += 1
            if self._most and self._failed >= self._most:
                self._probe_at = self._clock() + self._cooldown
