"""From values to lengths: scales, and where their lines stand."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Final

_STEPS: Final = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Linear:
    """Values from `low` to `high`, on lengths from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where a value is; one beyond the ends is at the end."""
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Bands:
    """Equal parts of a length, one for each of some things in a row."""

    count: int
    start: float
    end: float

    @property
    def width(self) -> float:
        """The width of one."""
        return (self.end - self.start) / max(self.count, 1)

    def middle(self, place: int) -> float:
        """The middle of the one at this place, from 0."""
        return self.start + (place + 0.5) * self.width

    def labelled(self, room: float) -> Iterator[int]:
        """The places whose labels fit beside each other, each as wide as `room`.

        The last one is always among them: it is what people look for.
        """
        every = max(1, ceil(room / self.width)) if self.count else 1
        return iter(range((self.count - 1) % every, self.count, every))


def step_for(span: float, most: int, *, whole: bool = False) -> float:
    """A round step, so that at most `most` of them cover the span."""
    if span <= 0:
        return 1.0
    rough = span / max(most, 1)
    power = 10.0 ** floor(log10(rough))
    step = next(one * power for one in _STEPS if one * power >= rough * (1 - 1e-9))
    return max(1.0, ceil(step)) if whole else step


def ticks(low: float, high: float, most: int = 5, *, whole: bool = False) -> Sequence[float]:
    """Round values from below `low` to above `high`, about `most` steps.

    Args:
        low: the lowest value to be covered.
        high: the highest one; if it is not above `low`, the ticks are from `low` to one more.
        most: the most steps.
        whole: whether values between whole numbers make no sense.
    """
    step = step_for(high - low, most, whole=whole)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    last = max(last, first + 1)
    return [round(place * step, 10) for place in range(first, last + 1)]
