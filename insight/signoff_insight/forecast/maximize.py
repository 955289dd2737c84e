"""Where a smooth function of a few parameters is highest.

BFGS (Nocedal and Wright 2006, algorithm 6.1) with a line search by bisection for the weak Wolfe
conditions (Lewis and Overton 2013, algorithm 2.6), approximate where rounding hides the gain (Hager
and Zhang 2005, equation 4.1). No chance is involved: equal functions have equal maxima, bit by bit.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from signoff_insight.forecast.errors import NoMaximumError
from signoff_insight.forecast.history import Floats

Objective = Callable[[Floats], tuple[float, Floats]]
"""The value and the gradient at a point. The value is an average of the order of 1."""

FLAT: Final = 1e-9
"""Where no slope is above this, the top is reached."""
NEARLY_FLAT: Final = 1e-5
"""The same where rounding leaves no step that goes up."""
MAX_STEPS: Final = 500
MAX_TRIES: Final = 60
"""Of one line search; each halves or doubles."""
LONGEST: Final = 1.0
"""No parameter goes further than this in the first try of a step."""
ENOUGH_GAIN: Final = 0.1
FLATTER: Final = 0.9
ROUNDING: Final = 1e-10
"""The share of a value that rounding may change."""


def maximize(objective: Objective, start: Floats) -> Floats:
    """The point with the highest value, going up from `start`.

    Raises:
        NoMaximumError: The function rises without end, or is not smooth.
    """
    point = start
    value, slope = objective(point)
    inverse = np.eye(len(start))
    for _ in range(MAX_STEPS):
        if np.abs(slope).max() <= FLAT:
            return point
        direction = _uphill(inverse, slope)
        found = _climb(objective, point, value, slope, direction)
        if found is None:
            break
        reached, value, new_slope = found
        inverse = _updated(inverse, reached - point, slope - new_slope)
        point, slope = reached, new_slope
    if np.abs(slope).max() <= NEARLY_FLAT:
        return point
    raise NoMaximumError(
        f"The most likely parameters were not found in {MAX_STEPS} steps: the histories fit no "
        "model of this kind."
    )


def _uphill(inverse: Floats, slope: Floats) -> Floats:
    """The next step, of a length that keeps all numbers in reach."""
    direction = inverse @ slope
    if direction @ slope <= 0:
        direction = slope
    return direction * min(1.0, LONGEST / float(np.abs(direction).max()))


def _climb(
    objective: Objective, point: Floats, value: float, slope: Floats, direction: Floats
) -> tuple[Floats, float, Floats] | None:
    """A point along the direction that is higher and flatter, its value and slope.

    None where rounding hides all that is higher.
    """
    steep = float(direction @ slope)
    nearly = value - ROUNDING * max(1.0, abs(value))
    low, step, high = 0.0, 1.0, np.inf
    for _ in range(MAX_TRIES):
        reached = point + step * direction
        height, new_slope = objective(reached)
        now = float(direction @ new_slope)
        # Near the top rounding hides the gain. There the slope tells whether the step went past it.
        as_high = height >= nearly and now >= (2 * ENOUGH_GAIN - 1) * steep
        if not (height >= value + ENOUGH_GAIN * step * steep or as_high):
            high = step
        elif now > FLATTER * steep:
            low = step
        else:
            return reached, height, new_slope
        step = (low + high) / 2 if high < np.inf else 2 * step
    return None


def _updated(inverse: Floats, moved: Floats, flattened: Floats) -> Floats:
    """The inverse of the curvature, told by how much the slope changed along the last step."""
    curve = float(moved @ flattened)
    if curve <= 0:
        return inverse
    left = np.eye(len(moved)) - np.outer(moved, flattened) / curve
    updated: Floats = left @ inverse @ left.T + np.outer(moved, moved) / curve
    return updated
