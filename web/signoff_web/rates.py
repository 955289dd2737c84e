"""How many events each sender may publish in a minute.

Requests are counted in this process, and the counts of all processes are added up in Redis once a
second: publishing waits for no further round trip. So a sender may go beyond the limit for up to a
second. While Redis is away each process counts alone.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from signoff_ops.rates import WINDOW
from signoff_schemas import SignoffError
from signoff_web.problems import ProblemError

_EVERY: Final = 1.0
_logger: Final = logging.getLogger(__name__)

AddUp = Callable[[Mapping[str, int], int], Awaitable[Mapping[str, int]]]
"""Adds counts to those of a window that all processes share; gives the totals."""


class Allowance(NamedTuple):
    """What is left of a sender's limit."""

    limit: int
    left: int
    reset: int
    """Seconds until the whole limit is there again."""

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The fields of draft-ietf-httpapi-ratelimit-headers."""
        return [
            (b"ratelimit-policy", b'"events";q=%d;w=%d' % (self.limit, WINDOW)),
            (b"ratelimit", b'"events";r=%d;t=%d' % (self.left, self.reset)),
        ]

    @property
    def headers(self) -> dict[str, str]:
        """The same as text."""
        return {name.decode(): value.decode() for name, value in self.raw_headers}


@dataclass(slots=True)
class _Count:
    shared: int = 0
    """What all processes counted, as far as it was added up."""
    own: int = 0
    """What this process counted since."""


@dataclass(slots=True)
class _Window:
    number: int = 0
    counts: dict[str, _Count] = field(default_factory=dict)


class Rates:
    """The counts of this process, and what is known of those of the others."""

    def __init__(
        self, limit: int, add_up: AddUp, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._limit = limit
        self._add_up = add_up
        self._clock = clock
        self._window = _Window()

    def take(self, sender: str, events: int) -> Allowance:
        """Count events of a sender; a sender who has any left may take as many as are asked for.

        Raises:
            ProblemError: none is left (429).
        """
        now = self._clock()
        number = int(now) // WINDOW
        if number != self._window.number:
            self._window = _Window(number)
        count = self._window.counts.setdefault(sender, _Count())
        reset = (number + 1) * WINDOW - int(now)
        used = count.shared + count.own
        if used >= self._limit:
            raise _too_many(Allowance(self._limit, 0, reset))
        count.own += events
        return Allowance(self._limit, max(0, self._limit - used - events), reset)

    async def settle(self) -> None:
        """Add up what was counted since the last time.

        Raises:
            SignoffError: the counts of the others cannot be reached; it is tried the next time.
        """
        window = self._window
        own = {sender: count.own for sender, count in window.counts.items() if count.own}
        if not own:
            return
        totals = await self._add_up(own, window.number)
        for sender, total in totals.items():
            count = window.counts[sender]
            count.shared, count.own = total, count.own - own[sender]

    async def settle_forever(self) -> None:
        """Add up once a second, until this is cancelled."""
        while True:
            await asyncio.sleep(_EVERY)
            try:
                await self.settle()
            except SignoffError as error:
                _logger.debug("rates are counted by this process alone: %s", error)


def _too_many(allowance: Allowance) -> ProblemError:
    return ProblemError(
        429,
        "rate-limited",
        "Too many events",
        f"{allowance.limit} events a minute may be published (SIGNOFF_RATE_LIMIT); publish the "
        f"others in {allowance.reset} s",
        headers={**allowance.headers, "Retry-After": str(allowance.reset)},
    )
