"""The options that the query of a Redis URL may hold: those of redis-py that text can express."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

ANY: Final = frozenset(
    {
        *("username", "password", "db", "client_name", "lib_name", "lib_version"),
        *("socket_timeout", "socket_connect_timeout", "socket_read_size", "health_check_interval"),
        *("retry_on_timeout", "protocol", "max_connections", "encoding", "encoding_errors"),
        "decode_responses",
    }
)
TCP: Final = frozenset({"socket_keepalive"})
TLS: Final = frozenset(
    {
        *("ssl_ca_certs", "ssl_ca_data", "ssl_ca_path", "ssl_cert_reqs", "ssl_certfile"),
        *("ssl_check_hostname", "ssl_ciphers", "ssl_keyfile", "ssl_min_version", "ssl_password"),
        *("ssl_include_verify_flags", "ssl_exclude_verify_flags"),
    }
)
SENTINEL: Final = frozenset({"sentinel_username", "sentinel_password"})
_FALSE: Final = frozenset({"false", "no", "n", "f", "0", ""})


def allowed_options(scheme: str) -> frozenset[str]:
    """The options that a URL of this scheme may have."""
    tcp = TCP if scheme != "unix" else frozenset()
    tls = TLS if scheme.startswith("rediss") else frozenset()
    return ANY | tcp | tls | (SENTINEL if scheme.endswith("+sentinel") else frozenset())


def check_options(scheme: str, options: Iterable[tuple[str, str]]) -> None:
    """Refuse options with which redis-py would fail to connect.

    Raises:
        ValueError: with what was expected. A name is quoted only if it is an option's or similar
            to one: anything else may be part of a password.
    """
    for name, value in options:
        if name not in allowed_options(scheme):
            raise ValueError(_unknown(scheme, name))
        if name == "decode_responses" and value.lower() not in _FALSE:
            raise ValueError(
                "a URL without decode_responses, or with decode_responses=false: Signoff needs a "
                "client that returns bytes"
            )


def _unknown(scheme: str, name: str) -> str:
    if name in TLS:
        return f"a URL that begins with rediss:// (TLS), since it has the option {name}"
    close = get_close_matches(name, sorted(allowed_options(scheme)), n=1, cutoff=0.8)
    if close:
        return f"a URL without the unknown option {name}; perhaps {close[0]} is meant"
    return (
        "a URL that has no unknown option behind its '?' (one of "
        f"{', '.join(sorted(allowed_options(scheme)))}), "
        "special characters of its password percent-encoded"
    )
