"""Which IP addresses are public, and which others a setting allows."""

from functools import cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

_ALL: Final = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))
_ON: Final = frozenset({"true", "on", "yes", "1"})
_OFF: Final = frozenset({"false", "off", "no", "0"})
_EMBEDDING: Final = tuple(
    IPv6Network(text)
    # IPv4-mapped, IPv4-compatible, NAT64 (two), Teredo, 6to4: where these lead is not seen.
    for text in (
        "::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16",
    )
)  # fmt: skip

Network = IPv4Network | IPv6Network


def is_allowed(address: str, allowed: str) -> bool:
    """Whether a connection may go to this address.

    Args:
        address: an IP address, as a resolver gives it.
        allowed: networks that are allowed besides public addresses; see `networks`.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return _is_public(str(ip)) or any(
        ip in network for network in networks(allowed) if network.version == ip.version
    )


def _is_public(address: str) -> bool:
    """Not loopback, private, link-local, multicast, reserved, or one that stands for another."""
    ip = ip_address(address)
    special = (
        ip.is_private, ip.is_loopback, ip.is_link_local, ip.is_multicast, ip.is_reserved,
        ip.is_unspecified,
    )  # fmt: skip
    if any(special) or not ip.is_global:
        return False
    if isinstance(ip, IPv6Address):
        return not (ip.is_site_local or any(ip in network for network in _EMBEDDING))
    return True


@cache
def networks(allowed: str) -> tuple[Network, ...]:
    """The networks of a setting: `false` is none, `true` all, else networks with commas between.

    Raises:
        ValueError: it is none of these; the text says what is allowed.
    """
    text = allowed.strip().lower()
    if text in _OFF:
        return ()
    if text in _ON:
        return _ALL
    try:
        return tuple(ip_network(part.strip()) for part in text.split(","))
    except ValueError:
        raise ValueError(
            "true, false, or networks such as 10.0.0.0/8,192.168.1.5,fd00::/8"
        ) from None
