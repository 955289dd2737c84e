"""Seconds between tries, wherever Signoff waits for a server that is away."""

import random
from collections.abc import Iterator
from typing import Final

_FIRST: Final = 0.1
_LONGEST: Final = 30.0


def backoff_delays() -> Iterator[float]:
    """Seconds between tries, without end: doubling up to half a minute, with jitter."""
    delay = _FIRST
    while True:
        yield delay * random.uniform(0.5, 1)
        delay = min(delay * 2, _LONGEST)
