"""A worker's health over HTTP, for its supervisor: `/live` and `/ready` answer 200 or 503.

One thread serves any number of connections, each for a few seconds and for one request. If too many
are open, the oldest is closed. A supervisor sends its request as soon as it is connected, so it is
answered although a thousand other connections are idle.
"""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from signoff_worker.health import HealthReport

log = logging.getLogger("signoff.worker")

_TAKEN_PAUSE: Final = 2.0
"""Seconds until a port in use, perhaps by the previous worker, is tried again."""
_REQUEST_SECONDS: Final = 5.0
_REQUEST_BYTES: Final = 8192
_ACCEPT_PAUSE: Final = 0.1
"""Seconds until the next try if a connection could not be accepted."""
_CONNECTIONS: Final = 128
"""The most open connections; by default a process may have 1,024 open files."""


class HealthServer:
    """Answers on one port, in a separate thread; without a port it does nothing."""

    def __init__(self, report: Callable[[], HealthReport], host: str, port: int | None) -> None:
        self._report = report
        self._host = host
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Start to answer as soon as the port is free."""
        if self._port is None:
            return
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(
            target=self._run, args=[self._loop, self._over, self._port], name="health", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop answering; the port is free afterwards."""
        if self._loop and self._over and self._thread:
            with contextlib.suppress(RuntimeError):  # the thread has ended already
                self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join()

    def _run(self, loop: asyncio.AbstractEventLoop, over: asyncio.Event, port: int) -> None:
        try:
            loop.run_until_complete(self._serve(over, port))
        finally:
            loop.close()

    async def _serve(self, over: asyncio.Event, port: int) -> None:
        while not over.is_set():
            try:
                listener = _listener(self._host, port)
            except OSError as error:
                # The worker goes on although the port is in use.
                log.error(  # noqa: TRY400 -- the reason is the message
                    "SIGNOFF_HEALTH_PORT %d on %s cannot be opened, trying again: %s",
                    port, self._host, error.strerror,
                )  # fmt: skip
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), _TAKEN_PAUSE)
                continue
            log.info("health is served on http://%s:%d/live and /ready", self._host, port)
            with listener:
                answers = _Answers(self._report)
                loop = asyncio.get_running_loop()
                loop.add_reader(listener, answers.accept, listener)
                await over.wait()
                loop.remove_reader(listener)
                await answers.end()


def _listener(host: str, port: int) -> socket.socket:
    """Open the port; unlike HTTPServer, this does not look up this host's name in DNS."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=_CONNECTIONS)
    listener.setblocking(False)
    return listener


class _Answers:
    """The open connections, the oldest first."""

    def __init__(self, report: Callable[[], HealthReport]) -> None:
        self._report = report
        self._open: dict[asyncio.Task[None], socket.socket] = {}

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection; if too many are open, the oldest is closed."""
        loop = asyncio.get_running_loop()
        try:
            connection, _ = listener.accept()
        # The client has closed it; or too many files are open, and then a try would fail at once.
        except OSError:
            loop.remove_reader(listener)
            loop.call_later(_ACCEPT_PAUSE, loop.add_reader, listener, self.accept, listener)
            return
        if len(self._open) >= _CONNECTIONS:
            next(iter(self._open)).cancel()
        task = loop.create_task(self._answer(connection))
        self._open[task] = connection
        task.add_done_callback(self._close)

    def _close(self, task: asyncio.Task[None]) -> None:
        """Close the connection, also if its task was cancelled before it began."""
        self._open.pop(task).close()

    async def _answer(self, connection: socket.socket) -> None:
        """Answer one request; a slow or invalid request gets no answer."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(TimeoutError, OSError):
            connection.setblocking(False)
            async with asyncio.timeout(_REQUEST_SECONDS):
                request = b""
                while b"\r\n\r\n" not in request:
                    received = await loop.sock_recv(connection, _REQUEST_BYTES)
                    request += received
                    if not received or len(request) > _REQUEST_BYTES:
                        return
                answer = _response(request.partition(b"\r\n")[0], self._report())
                await loop.sock_sendall(connection, answer)

    async def end(self) -> None:
        """Close all open connections."""
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


def _response(request_line: bytes, report: HealthReport) -> bytes:
    """200 or 503 with the report as JSON; 404 for another path, 405 for another method."""
    method, _, rest = request_line.partition(b" ")
    held = {b"/live": report.live, b"/ready": report.ready}.get(rest.partition(b" ")[0])
    kind, body = "application/json", report.as_json().encode()
    if method not in {b"GET", b"HEAD"}:
        status, kind, body = HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"ask with GET\n"
    elif held is None:
        status, kind, body = HTTPStatus.NOT_FOUND, "text/plain", b"ask for /live or /ready\n"
    else:
        status = HTTPStatus.OK if held else HTTPStatus.SERVICE_UNAVAILABLE
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (b"" if method == b"HEAD" else body)
