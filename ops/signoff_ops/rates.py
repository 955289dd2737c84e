"""How many events each sender published in a minute, counted by all processes together."""

from collections.abc import Mapping
from typing import Final

from signoff_ops.servers import Servers
from signoff_schemas.keys import rate_key

WINDOW: Final = 60
"""Seconds over which events are counted."""


def add_to_counts(servers: Servers, counts: Mapping[str, int], window: int) -> dict[str, int]:
    """Add to the counts of a window (its number since the epoch); returns the new totals.

    Raises:
        RedisUnavailableError: Redis cannot be reached.
    """
    with servers.redis() as client, client.pipeline(transaction=False) as pipe:
        for sender, count in counts.items():
            pipe.incrby(rate_key(sender, window), count)
            pipe.expire(rate_key(sender, window), 2 * WINDOW)
        totals = pipe.execute()[::2]
    return dict(zip(counts, totals, strict=True))
