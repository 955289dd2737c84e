"""Run the core's steps in synchronous code."""

from collections.abc import Callable
from typing import TypeVar

import redis

from signoff_producer.calls import Call
from signoff_producer.receipts import QueueUnavailableError
from signoff_producer.steps import Send, Step, Steps

T = TypeVar("T")


def run(
    steps: Steps[T],
    make_call: Callable[[Send], Call],
    do: Callable[[Step], object],
    meanwhile: Callable[[], object] | None = None,
) -> T:
    """Run the steps to their end; returns their result.

    Args:
        steps: what to do; an interruption closes them.
        make_call: makes a call of Redis.
        do: runs every other step.
        meanwhile: is called once, while the first call is on its way.
    """
    call: Call | None = None
    try:
        step = next(steps)
        while True:
            try:
                if isinstance(step, Send):
                    call = make_call(step)  # before it is sent: an interruption has to close it
                    call.send()
                    if meanwhile is not None:
                        meanwhile()
                        meanwhile = None
                    answer: object = call.answer()
                else:
                    answer = do(step)
            except (redis.RedisError, QueueUnavailableError, OSError) as error:
                if call is not None:
                    call.close()
                step = steps.throw(error)
            else:
                step = steps.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result
    except BaseException:  # a signal's handler may raise whatever it likes
        if call is not None:
            call.close()
        steps.close()
        raise
