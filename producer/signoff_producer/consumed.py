"""Iterators that warn if they were never iterated over, as a coroutine that was never awaited."""

import warnings
from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

T = TypeVar("T")


class Consumed(Iterator[T]):
    """Iterates over `source`; warns if it is deleted before its first item was requested."""

    def __init__(self, source: Iterator[T]) -> None:
        self._source = source
        self._started = False

    def __next__(self) -> T:
        self._started = True
        return next(self._source)

    def __del__(self) -> None:
        _warn_unless(self._started)


class AsyncConsumed(AsyncIterator[T]):
    """The same for `async for`."""

    def __init__(self, source: AsyncIterator[T]) -> None:
        self._source = source
        self._started = False

    async def __anext__(self) -> T:
        self._started = True
        return await anext(self._source)

    def __del__(self) -> None:
        _warn_unless(self._started)


def _warn_unless(started: bool) -> None:
    if not started:
        warnings.warn(
            "publish_many() was never iterated over: nothing was published",
            RuntimeWarning,
            stacklevel=3,
        )
