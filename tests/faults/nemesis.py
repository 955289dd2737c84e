"""Chooses the faults from a seed: every fault before one is repeated, and some together."""

from collections.abc import Sequence
from random import Random
from typing import Final, get_args

from faults import (
    of_events,
    of_network,
    of_outbox,
    of_postgres,
    of_rapport,
    of_readers,
    of_redis,
    of_workers,
)
from faults.fault import Fault, Of

ALL: Final[tuple[Fault, ...]] = (
    *of_workers.FAULTS,
    *of_readers.FAULTS,
    *of_outbox.FAULTS,
    *of_rapport.FAULTS,
    *of_postgres.FAULTS,
    *of_redis.FAULTS,
    *of_network.FAULTS,
    *of_events.FAULTS,
)
_ORDER: Final = get_args(Of)
_TOGETHER: Final = 0.3
"""The share of rounds with two faults at the same time."""


class Nemesis:
    """Takes faults from a list; an empty list is filled with all faults in a new random order."""

    def __init__(self, chance: Random, faults: Sequence[Fault] = ALL) -> None:
        self._chance = chance
        self._faults = faults
        self._deck: list[Fault] = []

    def next_faults(self) -> list[Fault]:
        """The next fault, or two of different things, in the order in which they are to begin."""
        faults = [self._next()]
        if self._chance.random() < _TOGETHER:
            others = [fault for fault in self._faults if fault.of != faults[0].of]
            faults += self._chance.sample(others, min(1, len(others)))
        return sorted(faults, key=lambda fault: _ORDER.index(fault.of))

    def _next(self) -> Fault:
        if not self._deck:
            self._deck = self._chance.sample(self._faults, len(self._faults))
        return self._deck.pop()
