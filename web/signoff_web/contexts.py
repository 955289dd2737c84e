"""Contexts of customers for requests, looked up so that nothing else waits for them.

The second database may be away, or silent, while everything else works. So its requests have
threads of their own, no more than there are connections; and after one found it away, others are
told so for a moment, and do not wait for it.
"""

import time
from typing import Final, NamedTuple

from anyio import CapacityLimiter, to_thread

from signoff_ops.contexts import customer_context
from signoff_ops.errors import RapportUnavailableError
from signoff_ops.servers import RAPPORT_SIZE, Servers

_LEFT_ALONE_SECONDS: Final = 1.0
"""So long nobody tries after the second database was found away."""


class Contexts:
    """Looks up contexts."""

    def __init__(self, servers: Servers) -> None:
        """To be made in the event loop that serves."""
        self._servers = servers
        self._threads = CapacityLimiter(RAPPORT_SIZE)
        self._away = _Away(0.0, "")

    async def of(self, user_id: str) -> str:
        """The context of a customer as JSON; raises as `customer_context`."""
        return await to_thread.run_sync(self._look_up, user_id, limiter=self._threads)

    def _look_up(self, user_id: str) -> str:
        away = self._away
        if time.monotonic() < away.left_alone_until:
            raise RapportUnavailableError(away.why)
        try:
            return customer_context(self._servers, user_id)
        except RapportUnavailableError as error:
            self._away = _Away(time.monotonic() + _LEFT_ALONE_SECONDS, str(error))
            raise


class _Away(NamedTuple):
    """Why a request failed, and until when no other one tries."""

    left_alone_until: float
    why: str
