"""Run the core's steps in synchronous code."""

from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

import redis

from signoff_producer.calls import Call
from signoff_producer.receipts import QueueUnavailableError
from signoff_producer.steps import Send, Step, Steps

T = TypeVar("T")


class Exchange(Generic[T]):
    """Runs steps in a `with` block, which releases the connection of an interrupted call.

    A call of Redis is sent as soon as its step comes, and `result` reads the answer. So the first
    call is on its way when the block begins.
    """

    __slots__ = ("_call", "_do", "_done", "_make_call", "_result", "_step", "_steps")
    _result: T
    _step: Step

    def __init__(
        self, steps: Steps[T], call: Callable[[Send], Call], do: Callable[[Step], object]
    ) -> None:
        """`call` makes the calls of Redis; `do` runs every other step."""
        self._steps = steps
        self._make_call = call
        self._do = do
        self._call: Call | None = None
        self._done = False

    def __enter__(self) -> Self:
        try:
            self._begin(next(self._steps))
        except StopIteration as done:
            self._done, self._result = True, done.value
        return self

    def result(self) -> T:
        """Run the steps to their end; returns their result."""
        try:
            while not self._done:
                try:
                    answer = self._call.answer() if self._call else self._do(self._step)
                except (redis.RedisError, QueueUnavailableError, OSError) as error:
                    self._close_call()
                    self._begin(self._steps.throw(error))
                else:
                    self._call = None
                    self._begin(self._steps.send(answer))
        except StopIteration as done:
            self._done, self._result = True, done.value
        return self._result

    def _begin(self, step: Step) -> None:
        self._step = step
        if isinstance(step, Send):
            self._call = self._make_call(step)

    def _close_call(self) -> None:
        """Give up a call whose answer was not read."""
        call, self._call = self._call, None
        if call is not None:
            call.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give up the steps that are not done."""
        if not self._done:
            self._close_call()
            self._steps.close()
