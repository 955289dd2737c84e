"""How often publishing is retried while Redis is away, and the delays in between."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from signoff_schemas.backoff import backoff_delays


@dataclass(frozen=True, slots=True)
class Retries:
    """`count` retries, each after a random part of a delay that doubles ("full jitter").

    So publishers that lost Redis at the same moment do not all retry at the same moment.
    """

    count: int
    first: float = 0.1
    """Seconds before the first repetition, at the most."""
    longest: float = 5.0
    """Seconds before any repetition, at the most."""
    chance: Callable[[], float] = random.random

    def delays(self) -> Iterator[float]:
        """The seconds to wait before each repetition."""
        delays = backoff_delays(self.first, self.longest, least=0, chance=self.chance)
        return islice(delays, self.count)
