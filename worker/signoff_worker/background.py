"""A step in a thread of its own: Postgres applies a batch while Python reads the next."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def in_background(step: Callable[[], T]) -> "Future[T]":
    """Run a step in a thread of its own, which does not keep the process from ending."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(step())
        except BaseException as error:  # noqa: BLE001 -- raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, name="apply", daemon=True).start()
    return future
