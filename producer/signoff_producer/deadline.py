"""The moment by which a publish must have its answer."""

import math
import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple


class Deadline(NamedTuple):
    """A moment on a clock that only goes forward; None for no deadline."""

    seconds: float | None = None
    """How far away it was when it was set; messages name it."""
    moment: float | None = None
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> "Deadline":
        """So many seconds from now.

        Raises:
            ValueError: they are not more than 0.
        """
        if not seconds > 0:
            raise ValueError(f"a timeout is a number of seconds greater than 0, found {seconds!r}")
        return cls(seconds, clock() + seconds, clock)

    @classmethod
    def latest(cls, deadlines: Iterable["Deadline"]) -> "Deadline":
        """The last of them; none where one of them is none."""
        return max(deadlines, key=lambda one: math.inf if one.moment is None else one.moment)

    def remaining(self) -> float | None:
        """Seconds until then, at least 1 ms: a socket takes 0 for "do not wait"."""
        return None if self.moment is None else max(0.001, self.moment - self.clock())

    def allows(self, delay: float) -> bool:
        """Whether it is still ahead after so many seconds."""
        return self.moment is None or self.clock() + delay < self.moment


NO_DEADLINE: Final = Deadline()
