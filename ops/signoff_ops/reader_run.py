"""Let a reader of the feed that keeps something of each customer catch up with the ledger."""

import threading
from collections.abc import Callable
from typing import Final, Protocol

from signoff_db.feed_reader import Turn
from signoff_insight.progress import Progress

__all__ = ["OnProgress", "Progress", "until_caught_up"]

OnProgress = Callable[[Progress], None]
_WAITING_SECONDS: Final = 0.2
"""So long to wait where a turn could do nothing yet."""


class _Reader(Protocol):
    def turn(self) -> Turn: ...

    def progress(self) -> Progress | None: ...


def until_caught_up(reader: _Reader, stop: threading.Event, on_progress: OnProgress) -> bool:
    """Take turns until nothing is left; returns False if it was stopped before.

    Args:
        reader: what is kept.
        stop: set to end after the turn in hand; the next call goes on there.
        on_progress: told while all customers are computed.
    """
    while not stop.is_set():
        turn = reader.turn()
        if turn is Turn.CAUGHT_UP:
            return True
        if progress := reader.progress():
            on_progress(progress)
        if turn is Turn.WAITING:
            stop.wait(_WAITING_SECONDS)
    return False
