"""The web service in the test's own process, behind a real socket."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Final

import httpx
import uvicorn
from fastapi import FastAPI
from processes import DEADLINE

from signoff_ops import api_keys
from signoff_ops.servers import DirectServers
from signoff_schemas import Settings
from signoff_schemas.access import Identity, Scope
from signoff_web.app import create_app
from signoff_web.context import Authenticate, Context

EVERY_SCOPE = frozenset(Scope)
NO_AUTHORITIES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that speak plain HTTP: each would read the machine's authorities for some 30 ms."""


def acting_as(name: str, *scopes: Scope, kind: str = "key") -> Authenticate:
    """Takes every request for one of this sender; without `scopes` it has all of them."""

    async def authenticate(_request: object) -> Identity:
        return Identity(kind, name, frozenset(scopes) or EVERY_SCOPE)

    return authenticate


def key_of(settings: Settings, *scopes: Scope) -> str:
    """The key of a program with these scopes; without any it has all of them."""
    return api_keys.add_key(DirectServers(settings), "test", scopes or tuple(Scope), "root").text


_GRACE: Final = 1
"""Seconds that requests under way have when a server ends."""


class _Server(uvicorn.Server):
    """Ends as soon as it is told and nothing is under way; streams end first.

    uvicorn looks ten times a second whether it is to end, and sleeps as long while it does.
    """

    failure: BaseException | None = None
    """What ended it, if nobody told it to end."""
    _loop: asyncio.AbstractEventLoop | None = None

    def end(self) -> None:
        """End it, from another thread."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._told.set)

    async def main_loop(self) -> None:
        """Serve (uvicorn calls this)."""
        self._told = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        waits = [asyncio.create_task(one) for one in (super().main_loop(), self._told.wait())]
        done, others = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for other in others:
            other.cancel()
        self.failure = next((error for one in done if (error := one.exception())), None)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down (uvicorn calls this)."""
        context: Context | None = getattr(self.config.app.state, "context", None)  # type: ignore[union-attr]
        if context is not None:
            context.stopping.set()
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 -- uvicorn has none
                    await asyncio.sleep(0.005)
        for task in self.server_state.tasks:
            task.cancel()
        await self.lifespan.shutdown()


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve the app on a free port of this machine until the block ends; gives its URL.

    What ends the server before is raised at the end.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        # A client would send a request while the server closes the connection for being idle.
        timeout_keep_alive=round(DEADLINE),
    )
    server = _Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as thread:
        running = thread.submit(server.run, [listening])
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.end()
            running.result()
            if server.failure is not None:
                raise server.failure


@contextmanager
def client(
    redis_url: str,
    database_url: str,
    *,
    authenticate: Authenticate | None = None,
    **settings: object,
) -> Iterator[httpx.Client]:
    """A client of a web service with these servers and settings.

    Requests are authenticated by keys and sessions, unless something else is given.
    """
    app = create_app(
        Settings.load(redis_url=redis_url, database_url=database_url, **settings),
        authenticate=authenticate,
    )
    with (
        serving(app) as url,
        httpx.Client(base_url=url, timeout=DEADLINE, verify=NO_AUTHORITIES) as opened,
    ):
        yield opened


def get(url: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """Send one request; httpx itself would wait for 5 seconds only."""
    return httpx.get(url, headers=headers, timeout=DEADLINE, verify=NO_AUTHORITIES)


class RawConnection:
    """A connection on which a test sends what no client would."""

    def __init__(self, url: httpx.URL) -> None:
        self._socket = socket.create_connection((url.host, url.port), timeout=DEADLINE)
        self._received = b""

    def begin(self, path: str, *headers: str) -> None:
        """Begin a POST with a body in chunks."""
        lines = [f"POST {path} HTTP/1.1", "Host: test", *headers, "Transfer-Encoding: chunked"]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def chunk(self, data: bytes) -> None:
        """Send a chunk of the body; an empty one ends it."""
        self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def until(self, mark: bytes) -> bytes:
        """Read until this was received, and return all up to and with it."""
        while mark not in self._received:
            received = self._socket.recv(65_536)
            if not received:
                raise AssertionError(f"closed before {mark!r}: {self._received!r}")
            self._received += received
        found, _, self._received = self._received.partition(mark)
        return found + mark

    def rest(self) -> bytes:
        """Read until the server closes the connection, and close it too."""
        while received := self._socket.recv(65_536):
            self._received += received
        self.close()
        return self._received

    def close(self) -> None:
        """Close it, whatever is under way."""
        self._socket.close()
