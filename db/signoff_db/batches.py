"""Long actions in batches, between which they can be stopped."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def never() -> bool:
    """Whether to stop: no."""
    return False


def batches_of(
    items: Sequence[Item], size: int, should_stop: Callable[[], bool]
) -> Iterator[Sequence[Item]]:
    """So many of the items at a time, in their order, until all are done or it is to stop."""
    for start in range(0, len(items), size):
        if should_stop():
            return
        yield items[start : start + size]
