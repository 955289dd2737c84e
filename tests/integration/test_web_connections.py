"""Connections to the web service, before anybody is known: what a client may make it hold."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread
from typing import Final

import pytest
import web
from processes import DEADLINE

from signoff_embedded.ports import free_port
from signoff_schemas import Settings
from signoff_web.app import create_app
from signoff_web.http_protocol import BoundedProtocol, end_idle
from signoff_web.serving import Server, config_of

_LIVE: Final = b"GET /live HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"


@contextmanager
def _served(settings: Settings) -> Iterator[Server]:
    """The service as `signoff serve` runs it; none of the servers behind it is needed."""
    app = create_app(settings)
    server = Server(config_of(app, settings), app)
    thread = Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        yield server
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    """A service for ten connections."""
    nowhere = f"127.0.0.1:{free_port()}"
    with _served(
        Settings.load(
            redis_url=f"redis://{nowhere}",
            database_url=f"postgresql://nobody@{nowhere}/none",
            web_port=free_port(),
            web_connections=10,
            stop_timeout=1,
        )
    ) as server:
        yield server


def _connected(server: Server, sent: bytes) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", server.config.port), timeout=DEADLINE)
    made.sendall(sent)
    return made


def _all_of(connection: socket.socket) -> bytes:
    """What is answered until the connection is closed."""
    received = bytearray()
    try:
        while piece := connection.recv(65_536):
            received += piece
    except ConnectionError:
        pass
    return bytes(received)


@pytest.mark.parametrize("sent", [b"", b"GET /live HTTP/1.1\r\nHo"])
def test_connections_that_ask_for_nothing_keep_nobody_out(server: Server, sent: bytes) -> None:
    """Beyond the bound, the one that has waited longest gives way to a new one."""
    with ExitStack() as stack:
        held = [stack.enter_context(_connected(server, sent)) for _ in range(25)]
        asked = b"GET /sign-in HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
        answer = _all_of(stack.enter_context(_connected(server, asked)))
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert _all_of(held[0]) == b""


def test_where_all_connections_are_in_use_one_is_told_so(server: Server) -> None:
    """Requests under way are not ended for it; a probe is answered."""
    form = b"POST /sign-in HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n"
    form += b"Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(10):
            begun = stack.enter_context(_connected(server, form))
            assert begun.recv(100).startswith(b"HTTP/1.1 100 ")
        asked = b"GET /sign-in HTTP/1.1\r\nHost: test\r\n\r\n"
        answer = _all_of(stack.enter_context(_connected(server, asked)))
        assert answer.startswith(b"HTTP/1.1 503 ")
        live = _all_of(stack.enter_context(_connected(server, _LIVE)))
        assert live.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "piece", [b"X-Some: " + b"a" * 60_000 + b"\r\n", b"X: y\r\n" * 10_000, b"a" * 60_000]
)
def test_the_head_of_a_request_is_bounded(server: Server, piece: bytes) -> None:
    """One long header, or many: it is refused before it takes memory and time."""
    with _connected(server, b"GET /live HTTP/1.1\r\n") as connection:
        try:
            for _ in range(200):
                connection.sendall(piece)
        except ConnectionError:
            pass
        else:
            pytest.fail("12 MB of headers were taken")
    with _connected(server, _LIVE) as connection:
        assert _all_of(connection).startswith(b"HTTP/1.1 200 ")


def test_a_connection_without_a_whole_request_is_ended(server: Server) -> None:
    """Also one that sends a little now and then."""
    with _connected(server, b"GET /live HT") as waiting, _connected(server, _LIVE) as other:
        assert _all_of(other).startswith(b"HTTP/1.1 200 ")
        kept = [one for one in server.server_state.connections if isinstance(one, BoundedProtocol)]
        assert kept

        async def look() -> None:
            end_idle(kept, max(one.waits_since for one in kept) + 77, 76)

        asyncio.run_coroutine_threadsafe(look(), kept[0].loop).result(DEADLINE)
        assert _all_of(waiting) == b""


def test_a_slow_form_is_given_up(redis_url: str, database_url: str) -> None:
    """Its connection is not held for ever by somebody who is not signed in."""
    with web.client(redis_url, database_url, body_timeout=1) as client:
        slow = web.RawConnection(client.base_url)
        slow.begin("/sign-in", "Content-Type: application/x-www-form-urlencoded")
        slow.chunk(b"name=ann")
        assert slow.until(b"\r\n").startswith(b"HTTP/1.1 408 ")
        slow.close()
