"""Which errors of Redis are outages: they pass by themselves and are no event's fault.

The list is closed. Any other error concerns one queue, or the worker's own entry in RQ's registry.
"""

from typing import Final

import redis
from redis.exceptions import (
    ClusterDownError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    TryAgainError,
)

_OUTAGES: Final = (
    redis.ConnectionError,  # also where Redis still loads its data, or a password is refused
    redis.TimeoutError,
    ReadOnlyError,
    OutOfMemoryError,
    ClusterDownError,
    MasterDownError,
    TryAgainError,
)
_OUTAGE_CODES: Final = ("MISCONF ", "NOREPLICAS ", "BUSY ")
"""A full disk, unavailable replicas, a script of another client that runs too long."""


def is_outage(error: redis.RedisError) -> bool:
    """Whether the same command may succeed later, without anybody changing a key."""
    return isinstance(error, _OUTAGES) or str(error).startswith(_OUTAGE_CODES)
