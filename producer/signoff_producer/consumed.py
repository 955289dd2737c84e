"""An iterator that says so when it was never iterated over, as an un-awaited coroutine does."""

import warnings
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Consumed(Iterator[T], Generic[T]):
    """Iterates over `source`; warns if it is thrown away before its first item was asked for."""

    def __init__(self, source: Iterator[T]) -> None:
        self._source = source
        self._started = False

    def __next__(self) -> T:
        self._started = True
        return next(self._source)

    def __del__(self) -> None:
        if not self._started:
            warnings.warn(
                "publish_many() was never iterated over: nothing was published",
                RuntimeWarning,
                stacklevel=2,
            )
