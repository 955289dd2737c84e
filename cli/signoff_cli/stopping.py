"""Ctrl-C and SIGTERM as an event to wait for, instead of an exception at any point."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from signoff_schemas.signals import set_from_handler

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Set the event at the first signal; a second one changes nothing."""
    stop = threading.Event()

    def request(_number: int, _frame: FrameType | None) -> None:
        set_from_handler(stop)

    before = [(number, signal.signal(number, request)) for number in _SIGNALS]
    try:
        yield stop
    finally:
        for number, handler in before:
            signal.signal(number, handler)
