"""Reports that take seconds to compute are kept for some minutes, in this process."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final

from signoff_insight.report import Report
from signoff_ops.insight_errors import BusyError

KEEP_SECONDS: Final = 300.0
"""How long a report is given again."""
_WAIT_SECONDS: Final = 20.0
"""How long to wait for a report that somebody else has begun to compute."""
_MOST: Final = 50
"""Reports that are kept; the oldest is dropped first."""


@dataclass(slots=True)
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while the report is computed: whoever asks for it meanwhile waits for the same one."""
    report: Report | None = None
    computed_at: float = 0.0


class KeptReports:
    """Reports by what was asked."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[Hashable, _Kept] = {}

    def get(self, key: Hashable, compute: Callable[[], Report]) -> Report:
        """The report that was computed for this key in the last minutes, else a new one.

        Raises:
            BusyError: it is computed already, and that takes long.
            Exception: whatever `compute` raises; nothing is kept then.
        """
        kept = self._place(key)
        if not kept.lock.acquire(timeout=_WAIT_SECONDS):
            raise BusyError(f"it has been computed for {_WAIT_SECONDS:g} s already; try again")
        try:
            if kept.report is None or self._clock() - kept.computed_at > KEEP_SECONDS:
                kept.report = compute()
                kept.computed_at = self._clock()
            return kept.report
        finally:
            kept.lock.release()

    def _place(self, key: Hashable) -> _Kept:
        with self._lock:
            kept = self._kept.pop(key, None) or _Kept()
            self._kept[key] = kept
            while len(self._kept) > _MOST:
                del self._kept[next(iter(self._kept))]
            return kept
