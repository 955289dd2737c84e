"""Run the core's steps in synchronous code."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import redis

from signoff_producer.calls import Call
from signoff_producer.receipts import QueueUnavailableError
from signoff_producer.steps import Send, Step, Steps

T = TypeVar("T")


class Exchange(Generic[T]):
    """Runs steps. If the first step is a call, it is sent at once, before `result` is called.

    Use it in a `with` block, so that an interrupted call releases its connection.
    """

    def __init__(
        self, steps: Steps[T], call: Callable[[Send], Call], do: Callable[[Step], object]
    ) -> None:
        """`call` makes the calls of Redis; `do` runs every other step."""
        self._steps = steps
        self._make_call = call
        self._do = do
        self._call: Call | None = None
        self._result: T | None = None
        self._step = self._advance(steps.send, None)
        if isinstance(self._step, Send):
            self._call = call(self._step)

    def result(self) -> T:
        """Run the steps to their end; returns their result."""
        while self._step is not None:
            try:
                answer = self._answer(self._step)
            except (redis.RedisError, QueueUnavailableError, OSError) as error:
                self.close_call()
                self._step = self._advance(self._steps.throw, error)
            else:
                self._step = self._advance(self._steps.send, answer)
        return self._result  # type: ignore[return-value]  # the steps have come to it

    def _answer(self, step: Step) -> object:
        if not isinstance(step, Send):
            return self._do(step)
        call = self._call or self._make_call(step)
        self._call = call
        answer = call.answer()
        self._call = None
        return answer

    def _advance(self, move: Callable[[Any], Step], value: object) -> Step | None:
        """The next step; None after the last, when there is a result."""
        try:
            return move(value)
        except StopIteration as done:
            self._result = done.value
            return None

    def close_call(self) -> None:
        """Abort a call whose answer was not read."""
        call, self._call = self._call, None
        if call is not None:
            call.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Abort what is not done."""
        if self._step is not None:
            self.close_call()
            self._steps.close()
