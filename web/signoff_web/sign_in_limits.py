"""How often somebody may try to sign in: counted by account and by address.

The counts are in Redis, for all processes of the service together. While Redis is away, each
process counts by itself.
"""

import ipaddress
import math
import time
from contextlib import suppress
from hashlib import sha256
from typing import Final

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter

from signoff_ops.servers import Servers

_WINDOW: Final = 600
"""Seconds over which tries are counted."""
_OF_ADDRESS: Final = RateLimitItemPerSecond(50, _WINDOW, "address")
_OF_ACCOUNT: Final = RateLimitItemPerSecond(100, _WINDOW, "account")
_OF_BOTH: Final = RateLimitItemPerSecond(10, _WINDOW, "both")
"""An account from one address. Somebody elsewhere must not easily lock a user out."""
_PREFIX: Final = "rq:signoff:limits"
"""Below the keys that the roles of Redis may use."""


class SignInLimits:
    """Counts tries to sign in."""

    def __init__(self, servers: Servers) -> None:
        self._here = FixedWindowRateLimiter(MemoryStorage())
        with servers.redis() as client:
            storage = RedisStorage(
                "redis://",
                connection_pool=client.connection_pool,
                key_prefix=_PREFIX,
                wrap_exceptions=True,
            )
        self._shared = FixedWindowRateLimiter(storage)

    def retry_after(self, account: str, address: str) -> int | None:
        """Count a try; returns the seconds to wait if there were too many, else None."""
        waits = [self._wait(limit, *of) for limit, of in _counted(account, address)]
        return max((wait for wait in waits if wait is not None), default=None)

    def forget(self, account: str, address: str) -> None:
        """Somebody has signed in: what this address tried with this account does not count."""
        for limiter in (self._here, self._shared):
            with suppress(StorageError):
                limiter.clear(_OF_BOTH, _hashed(account), _network(address))

    def _wait(self, limit: RateLimitItem, *of: str) -> int | None:
        try:
            return _hit(self._shared, limit, *of)
        except StorageError:
            return _hit(self._here, limit, *of)


def _counted(account: str, address: str) -> list[tuple[RateLimitItem, tuple[str, ...]]]:
    name, network = _hashed(account), _network(address)
    return [(_OF_ADDRESS, (network,)), (_OF_ACCOUNT, (name,)), (_OF_BOTH, (name, network))]


def _hit(limiter: FixedWindowRateLimiter, limit: RateLimitItem, *of: str) -> int | None:
    if limiter.hit(limit, *of):
        return None
    ends = limiter.get_window_stats(limit, *of).reset_time
    return max(1, math.ceil(ends - time.time()))


def _hashed(account: str) -> str:
    """What was typed as a name may be a password, and of any length."""
    return sha256(account.strip().lower().encode("utf-8", "replace")).hexdigest()[:32]


def _network(address: str) -> str:
    """An IPv4 address, or the network of an IPv6 address, in which one person has very many."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)
