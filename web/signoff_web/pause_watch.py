"""Whether the queue is paused, for the banner of each page of the console."""

import threading
import time
from dataclasses import dataclass, field
from typing import Final

from signoff_ops.errors import RedisUnavailableError
from signoff_ops.queue_control import pause_of
from signoff_ops.servers import Servers
from signoff_ops.values import Pause

_FRESH: Final = 1.0
_FRESH_FAILURE: Final = 10.0
"""A server that does not answer is not asked again for so long: pages must not wait for it."""
_OLD: Final = 10.0
"""What was found longer ago than this tells nothing about now."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the banner says."""

    pause: Pause | None = None
    unknown: str | None = None
    """Why it is not known whether the queue is paused."""


@dataclass(slots=True)
class PauseWatch:
    """Asks Redis once a second at most, however many pages are opened; for threads."""

    servers: Servers
    _shown: Shown = field(default_factory=Shown)
    _until: float = -1.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self) -> Shown:
        """The pause; what was found lately where another thread is asking now."""
        if time.monotonic() >= self._until and self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._lock.release()
        elif time.monotonic() > self._until + _OLD:
            return Shown(unknown="Redis was asked just now, and has not answered yet")
        return self._shown

    def changed(self) -> None:
        """Somebody paused or resumed the queue here: the next page asks again."""
        self._until = time.monotonic()

    def _look(self) -> None:
        try:
            self._shown, fresh = Shown(pause_of(self.servers)), _FRESH
        except RedisUnavailableError as error:
            self._shown, fresh = Shown(unknown=str(error)), _FRESH_FAILURE
        self._until = time.monotonic() + fresh
