"""The moment by which a publish must have its answer."""

import math
import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple


class Deadline(NamedTuple):
    """A moment on a monotonic clock; None for no deadline."""

    seconds: float | None = None
    """The seconds with which it was set, for messages."""
    moment: float | None = None
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> "Deadline":
        """The deadline in `seconds` from now.

        Raises:
            ValueError: `seconds` is not greater than 0.
        """
        if not seconds > 0:
            raise ValueError(f"a timeout is a number of seconds greater than 0, found {seconds!r}")
        return cls(seconds, clock() + seconds, clock)

    @classmethod
    def latest(cls, deadlines: Iterable["Deadline"]) -> "Deadline":
        """The last of them; if one is no deadline, the result is none either."""
        return max(deadlines, key=lambda one: math.inf if one.moment is None else one.moment)

    def remaining(self) -> float | None:
        """Seconds until then, at least 1 ms: for a socket, 0 means not to wait."""
        return None if self.moment is None else max(0.001, self.moment - self.clock())

    def allows(self, delay: float) -> bool:
        """Whether the deadline is later than `delay` seconds from now."""
        return self.moment is None or self.clock() + delay < self.moment


NO_DEADLINE: Final = Deadline()
