"""Soft borders: where the data know nothing of a parameter, the search ends all the same.

Customers who all buy alike make a shape grow without end, and customers who never leave make one
vanish, each step hardly more likely than the last. Beyond a factor of 1,000 from 1 a cost grows;
within the borders it is zero, and what is most likely there is found as if there were none.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from signoff_insight.forecast.history import Floats

LARGEST_SHAPE: Final = 1000.0
BORDER: Final = math.log(LARGEST_SHAPE)


def beyond_borders(logs: Floats, shapes: npt.NDArray[np.bool_]) -> tuple[float, Floats]:
    """The cost of logarithms beyond the borders and its gradient; only shapes have borders."""
    beyond = np.where(shapes, np.sign(logs) * np.maximum(np.abs(logs) - BORDER, 0), 0)
    return float((beyond**2).sum()), 2 * beyond


def at_border(shape: float) -> bool:
    """Whether a shape was found at or beyond a border."""
    return abs(math.log(shape)) > BORDER - 0.01
