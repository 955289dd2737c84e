"""Split long actions into batches; an action can be stopped between two batches."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def never() -> bool:
    """Return False: do not stop."""
    return False


def batches_of(
    items: Sequence[Item], size: int, should_stop: Callable[[], bool]
) -> Iterator[Sequence[Item]]:
    """The items in order, in batches of `size`, until the end or until `should_stop`."""
    for start in range(0, len(items), size):
        if should_stop():
            return
        yield items[start : start + size]
