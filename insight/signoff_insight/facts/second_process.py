"""A second process, which computes the facts of some customers at the same time as its parent.

Threads would not do: Python runs one of them at a time, and the fold is Python.
"""

import multiprocessing
import os
import signal
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.connection import wait
from typing import Final

from signoff_db.connection import connect
from signoff_insight.facts.refreshing import refresh_between

_APPLICATION: Final = "signoff feed insight (2)"


class SecondProcess:
    """Starts with the first customers; close it when there are no more."""

    def __init__(self, ledger_url: str, timezone: str) -> None:
        self._ledger_url = ledger_url
        self._timezone = timezone
        # A fork would have the parent's connections and threads.
        self._pool = ProcessPoolExecutor(
            1, mp_context=multiprocessing.get_context("spawn"), initializer=_begin
        )

    def refresh_between(self, after: str, upto: str) -> "Future[str | None]":
        """Compute and commit the facts of these customers; see `refreshing.refresh_between`."""
        return self._pool.submit(_refresh, self._ledger_url, after, upto, self._timezone)

    def close(self) -> None:
        """End it, after the customers in hand."""
        self._pool.shutdown(cancel_futures=True)


def _refresh(ledger_url: str, after: str, upto: str, timezone: str) -> str | None:
    with connect(ledger_url, application=_APPLICATION) as connection, connection.transaction():
        return refresh_between(connection, after, upto, timezone)


def _begin() -> None:
    """Leave signals to the parent, which ends this process; and end with the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        raise AssertionError
    wait([parent.sentinel])
    os._exit(1)
