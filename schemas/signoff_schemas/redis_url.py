"""Redis by its URL: one server, or the primary that Sentinels name. Every client is made here.

    redis://[user:password@]host[:port][/db]         (rediss:// for TLS, unix:// for a socket)
    redis+sentinel://[user:password@]host[:port],host[:port]…/service[/db]    (rediss+sentinel://)

User and password are those of the primary; those of the Sentinels are `sentinel_username` and
`sentinel_password` in the query, beside redis-py's own options.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, Self, cast
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import redis.asyncio
import redis.asyncio.retry
import redis.asyncio.sentinel
import redis.sentinel
from redis.backoff import NoBackoff
from redis.connection import SSLConnection, parse_url
from redis.retry import Retry

from signoff_schemas.redis_options import check_options

_SCHEMES: Final = {"redis+sentinel": "redis", "rediss+sentinel": "rediss"}
_SENTINEL_PORT: Final = 26379
_SENTINEL_SECONDS: Final = 2
"""Seconds that one Sentinel may take to answer, before the next is asked."""
_SERVICE: Final = re.compile(r"/(?P<service>[^/]+)(?P<database>/[0-9]*)?")
_DATABASE_NUMBER: Final = re.compile(r"(/[0-9]*)?")
_EXPECTED: Final = (
    "a URL such as redis://localhost:6379/0 (or rediss://, unix://, "
    "redis+sentinel://host:26379,host:26379/service/0), "
    "special characters of its password percent-encoded"
)


def _parts(url: str) -> SplitResult:
    """`urlsplit`, also for a list of hosts: Python 3.14 refuses one with an IPv6 address in it."""
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in _SCHEMES:
        return urlsplit(url)
    hosts = re.split("[/?#]", rest, maxsplit=1)[0]
    return urlsplit(f"{scheme}://{rest[len(hosts) :]}")._replace(netloc=hosts)


@dataclass(frozen=True, slots=True)
class _Sentinels:
    """The parts of a URL of Sentinels."""

    addresses: list[tuple[str, int]]
    service: str
    of_sentinels: dict[str, Any]
    of_primary: dict[str, Any]

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read it.

        Raises:
            ValueError: it is none.
        """
        parts = _parts(url)
        user, at, hosts = parts.netloc.rpartition("@")
        path = _SERVICE.fullmatch(parts.path)
        if path is None:
            raise ValueError("no service")
        primary = _options(
            _without_decoding(
                f"{_SCHEMES[parts.scheme]}://{user}{at}primary{path['database'] or ''}"
                f"?{parts.query}"
            )
        )
        sentinels = {
            name: primary.pop(f"sentinel_{name}")
            for name in ("username", "password")
            if f"sentinel_{name}" in primary
        }
        tls = {name: value for name, value in primary.items() if name.startswith("ssl")}
        addresses = [_address(host) for host in hosts.split(",")]
        return cls(addresses, unquote(path["service"]), sentinels | tls, primary)


def check(url: str) -> None:
    """Refuse a URL from which no client can be created.

    Raises:
        ValueError: with what was expected. Of the URL it quotes at most the name of an option, if
            it is certain that it is one: anything else may be a password.
    """
    parts = _split(url)
    check_options(parts.scheme, parse_qsl(parts.query, keep_blank_values=True))
    try:
        if parts.scheme in _SCHEMES:
            _Sentinels.parse(url)
            return
        _make_connection(url)
    except (ValueError, TypeError, redis.RedisError) as error:
        raise ValueError(_expected(parts.query, error)) from None
    # redis-py would use database 0 for /abc, and database 12 for /1/2.
    if parts.scheme != "unix" and not _DATABASE_NUMBER.fullmatch(parts.path):
        raise ValueError(
            "a URL whose path is the number of a database, such as redis://localhost:6379/0"
        )


def _split(url: str) -> SplitResult:
    """The URL's parts; refused if it is not certain where each begins."""
    try:
        parts = _parts(url)
    except ValueError:  # a bracket that is not closed, say
        raise ValueError(_EXPECTED) from None
    # A password is cut off at a "/", "?" or "#" that should have been percent-encoded.
    cut_off = "@" in parts.path + parts.query and "@" not in parts.netloc
    if cut_off or "#" in url:
        raise ValueError(_EXPECTED)
    return parts


def _make_connection(url: str) -> None:
    """Create a connection without connecting it: only then redis-py checks the options."""
    options = parse_url(_without_decoding(url))  # type: ignore[no-untyped-call]
    options.pop("max_connections", None)
    options.pop("connection_class", redis.Connection)(**options)


def _expected(query: str, error: Exception) -> str:
    """The expected URL; it names the option of the URL that redis-py's error names, if any."""
    for name, _ in parse_qsl(query):
        if f"'{name}'" in str(error):
            return f"a URL whose option {name} has a value of its kind"
    return _EXPECTED


def _without_decoding(url: str) -> str:
    """The URL without `decode_responses`; `check` has allowed only false.

    redis-py treats any text as true.
    """
    if "decode_responses" not in url:
        return url
    parts = _parts(url)
    query = [(n, v) for n, v in parse_qsl(parts.query) if n != "decode_responses"]
    return urlunsplit(parts._replace(query=urlencode(query)))


def redis_client(url: str, **options: Any) -> redis.Redis:  # noqa: ANN401 -- they are redis-py's
    """A client that connects on first use; the URL's options win over `options`."""
    if _parts(url).scheme not in _SCHEMES:
        return redis.Redis.from_url(_without_decoding(url), **options)
    named = _Sentinels.parse(url)
    sentinels = redis.sentinel.Sentinel(  # type: ignore[no-untyped-call]
        named.addresses,
        sentinel_kwargs=_short_timeouts(Retry(NoBackoff(), 0)) | named.of_sentinels,
    )
    primary = sentinels.master_for(  # type: ignore[no-untyped-call]
        named.service, redis_class=_Primary, **options | named.of_primary
    )
    return cast("redis.Redis", primary)


def async_redis_client(url: str, **options: Any) -> redis.asyncio.Redis:  # noqa: ANN401 -- as above
    """The same for code that awaits."""
    if _parts(url).scheme not in _SCHEMES:
        return redis.asyncio.Redis.from_url(_without_decoding(url), **options)
    named = _Sentinels.parse(url)
    sentinels = redis.asyncio.sentinel.Sentinel(  # type: ignore[no-untyped-call]
        named.addresses,
        sentinel_kwargs=_short_timeouts(redis.asyncio.retry.Retry(NoBackoff(), 0))
        | named.of_sentinels,
    )
    primary = sentinels.master_for(
        named.service, redis_class=_AsyncPrimary, **options | named.of_primary
    )
    return cast("redis.asyncio.Redis", primary)


def plain_url(url: str) -> str:
    """The URL of the present primary, for tools that do not support Sentinels.

    Raises:
        RedisError: no Sentinel names one.
    """
    parts = _parts(url)
    if parts.scheme not in _SCHEMES:
        return url
    with redis_client(url) as client:
        host, port = client.connection_pool.get_master_address()
    userinfo = "".join(parts.netloc.rpartition("@")[:2])
    database = parts.path[1:].partition("/")[2] or "0"
    query = [(n, v) for n, v in parse_qsl(parts.query) if not n.startswith("sentinel_")]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return urlunsplit(
        (_SCHEMES[parts.scheme], f"{userinfo}{address}", f"/{database}", urlencode(query), "")
    )


class _Primary(redis.Redis):
    """A client of a primary; closing it also closes the connections to the Sentinels."""

    def close(self) -> None:
        super().close()
        manager = getattr(self.connection_pool, "sentinel_manager", None)
        for sentinel in manager.sentinels if manager else ():
            sentinel.close()


class _AsyncPrimary(redis.asyncio.Redis):
    """The same for code that awaits."""

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await super().aclose(close_connection_pool)
        manager = getattr(self.connection_pool, "sentinel_manager", None)
        for sentinel in manager.sentinels if manager else ():
            await sentinel.aclose()


def _short_timeouts(retry: object) -> dict[str, Any]:
    return {
        "socket_timeout": _SENTINEL_SECONDS,
        "socket_connect_timeout": _SENTINEL_SECONDS,
        "retry": retry,
    }


def _options(url: str) -> dict[str, Any]:
    """A plain URL's options, in the form that redis-py's clients and pools for Sentinel take."""
    options: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
    del options["host"]
    if options.pop("connection_class", None) is SSLConnection:
        options["ssl"] = True
    return options


def _address(host: str) -> tuple[str, int]:
    parts = urlsplit(f"//{host}")
    if not parts.hostname or parts.path:
        raise ValueError("no host")
    return parts.hostname, parts.port or _SENTINEL_PORT
