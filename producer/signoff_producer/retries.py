"""How often publishing is retried while Redis is unavailable, and the delays in between."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from signoff_schemas.backoff import backoff_delays


@dataclass(frozen=True, slots=True)
class Retries:
    """`count` retries, each after a random part of a delay that doubles ("full jitter").

    Because of the jitter, publishers that lost Redis together do not all retry together.
    """

    count: int
    first: float = 0.1
    """The most seconds before the first retry."""
    longest: float = 5.0
    """The most seconds before any retry."""
    chance: Callable[[], float] = random.random

    def delays(self) -> Iterator[float]:
        """The seconds to wait before each retry."""
        delays = backoff_delays(self.first, self.longest, least=0, chance=self.chance)
        return islice(delays, self.count)
