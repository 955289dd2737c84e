"""Run a step in a separate thread: one batch is applied while the next is read."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def in_background(step: Callable[[], T]) -> "Future[T]":
    """Run a step in a daemon thread: the process can end while it runs."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(step())
        except BaseException as error:  # noqa: BLE001 -- raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, name="apply", daemon=True).start()
    return future
