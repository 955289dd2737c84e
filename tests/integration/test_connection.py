"""Connections to Postgres: what they count on, and how long they trust a silent network."""

import socket
import sys

import pytest

from signoff_db.connection import connect


def option(url: str, name: str) -> int:
    """An option of the socket under a connection to the database."""
    with connect(url) as connection, socket.socket(fileno=connection.fileno()) as under:
        value = under.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
        under.detach()
    return value


@pytest.mark.skipif(sys.platform != "linux", reason="these are Linux's names of the options")
def test_a_host_that_vanished_is_noticed_within_half_a_minute(postgres_server: str) -> None:
    """Its silence is asked about after 10 s, four times; unanswered data is given up after 30 s."""
    idle, interval, count = (
        option(postgres_server, name) for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
    )
    assert idle + interval * count == 30
    assert option(postgres_server, "TCP_USER_TIMEOUT") == 30_000


@pytest.mark.skipif(sys.platform != "linux", reason="these are Linux's names of the options")
def test_the_url_decides_how_long_the_network_is_trusted(postgres_server: str) -> None:
    """What libpq can be told in the URL wins over Signoff's own choice."""
    url = f"{postgres_server}?keepalives_idle=77&options=-c%20statement_timeout%3D5000"
    assert option(url, "TCP_KEEPIDLE") == 77
    with connect(url) as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("5s",)
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)
