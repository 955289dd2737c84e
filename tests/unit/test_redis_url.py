"""The options of a Redis client from its URL; nothing is connected."""

from typing import Any

import pytest
import redis
import redis.asyncio

from signoff_schemas import async_redis_client, redis_client

URL = (
    "rediss+sentinel://u:p%40@h,k:2,[::1]:3/service/4"
    "?sentinel_username=s&sentinel_password=t&ssl_ca_certs=ca.pem&socket_timeout=7"
)


@pytest.mark.parametrize("make", [redis_client, async_redis_client])
def test_a_url_of_sentinels_gives_all_options(make: Any) -> None:
    """Sentinels, service, users and TLS; the URL's options win over the caller's."""
    pool = make(URL, socket_timeout=1, socket_connect_timeout=2).connection_pool
    primary = pool.connection_kwargs
    asked = [client.connection_pool.connection_kwargs for client in pool.sentinel_manager.sentinels]

    assert pool.service_name == "service"
    assert [(one["host"], one["port"]) for one in asked] == [("h", 26379), ("k", 2), ("::1", 3)]
    assert {(one["username"], one["password"], one["ssl_ca_certs"]) for one in asked} == {
        ("s", "t", "ca.pem")
    }
    assert (primary["username"], primary["password"], primary["db"]) == ("u", "p@", 4)
    assert (primary["socket_timeout"], primary["socket_connect_timeout"]) == (7, 2)
    assert primary["ssl_ca_certs"] == "ca.pem"
    assert "SSL" in pool.connection_class.__name__


@pytest.mark.parametrize(
    ("make", "kind"), [(redis_client, redis.Redis), (async_redis_client, redis.asyncio.Redis)]
)
def test_a_plain_url_gives_a_plain_client(make: Any, kind: type) -> None:
    """With redis-py's own options."""
    client = make("rediss://h:1/2?ssl_ca_certs=ca.pem&ssl_check_hostname=no")
    options = client.connection_pool.connection_kwargs

    assert type(client) is kind
    assert (options["host"], options["port"], options["db"]) == ("h", 1, 2)
    assert (options["ssl_ca_certs"], options["ssl_check_hostname"]) == ("ca.pem", False)
