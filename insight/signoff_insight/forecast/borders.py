"""Soft borders: where the data know nothing of a parameter, the search ends all the same.

Customers who all buy alike make a shape grow without end, and customers who never leave make one
vanish, each step hardly more likely than the last. Beyond its borders a shape costs something;
within them it costs nothing, and what is most likely there is found as if there were none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from signoff_insight.forecast.history import Floats

NEAR: Final = 0.99


@dataclass(frozen=True, slots=True)
class Border:
    """Between what a shape is looked for; both are positive."""

    low: float
    high: float

    def beyond(self, log: float) -> float:
        """How far the logarithm of a shape is above (positive) or below (negative); 0 within."""
        return max(0.0, log - math.log(self.high)) + min(0.0, log - math.log(self.low))

    def holds(self, shape: float) -> bool:
        """Whether a shape was found clearly within."""
        return self.low < shape * NEAR and shape < self.high * NEAR


def beyond_borders(logs: Floats, borders: Sequence[Border | None]) -> tuple[float, Floats]:
    """The cost of what lies beyond, and its gradient by the logarithms."""
    beyond = np.array(
        [
            0.0 if border is None else border.beyond(log)
            for log, border in zip(logs.tolist(), borders, strict=True)
        ]
    )
    return float((beyond**2).sum()), 2 * beyond
