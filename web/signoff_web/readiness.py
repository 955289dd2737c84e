"""Whether the service can work, looked at once a second at most: anybody may ask."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final

from starlette.concurrency import run_in_threadpool

from signoff_ops import readiness
from signoff_ops.servers import Servers

_FRESH: Final = 1.0


@dataclass(slots=True)
class Readiness:
    """What was found at the last look."""

    _found: list[str] = field(default_factory=list)
    _looked_at: float = -_FRESH
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def reasons_not_ready(self, servers: Servers) -> list[str]:
        """What is in the way; empty if nothing is."""
        async with self._lock:
            if time.monotonic() - self._looked_at >= _FRESH:
                self._found = await run_in_threadpool(readiness.reasons_not_ready, servers)
                self._looked_at = time.monotonic()
            return self._found
