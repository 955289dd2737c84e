"""Work in a thread while something is measured."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def thread(target: Callable[[], None], stop: threading.Event) -> Iterator[None]:
    """Run it until the block ends: it is to end when `stop` is set; a failure is raised then."""
    failed = list[Exception]()

    def run() -> None:
        try:
            target()
        except Exception as error:  # noqa: BLE001 -- raised below
            failed.append(error)

    running = threading.Thread(target=run)
    running.start()
    try:
        yield
    finally:
        stop.set()
        running.join()
    if failed:
        raise failed[0]


@contextmanager
def repeated(work: Callable[[], object], seconds: float) -> Iterator[None]:
    """Do it again and again, so many seconds after it was done, until the block ends."""
    stop = threading.Event()

    def loop() -> None:
        while not stop.wait(seconds):
            work()

    with thread(loop, stop):
        yield
