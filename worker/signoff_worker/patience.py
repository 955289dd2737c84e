"""How a worker waits for a server that is away."""

import random
from collections.abc import Iterator
from typing import Final

_LONGEST: Final = 30.0


class StopWorkerError(Exception):
    """The worker was asked to stop while it could not go on anyway."""


def pauses() -> Iterator[float]:
    """Seconds between tries, without end: growing to half a minute, with jitter."""
    pause = 0.1
    while True:
        yield pause * random.uniform(0.5, 1)
        pause = min(pause * 2, _LONGEST)
