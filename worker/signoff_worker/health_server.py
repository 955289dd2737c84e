"""A worker's health over HTTP, for what supervises it: `/live` and `/ready` answer 200 or 503."""

import logging
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Final

from signoff_worker.health import HealthReport

log = logging.getLogger("signoff.worker")

_TAKEN_PAUSE: Final = 2.0
"""Seconds until a port that is taken, perhaps by the worker before this one, is tried again."""


class HealthServer:
    """Answers on one port, from threads of its own; without a port it does nothing."""

    def __init__(self, report: Callable[[], HealthReport], host: str, port: int | None) -> None:
        self._report = report
        self._host = host
        self._port = port
        self._over = threading.Event()
        self._server: _Server | None = None

    def open(self) -> None:
        """Begin to answer as soon as the port is free."""
        if self._port is not None:
            threading.Thread(
                target=self._run, args=[self._port], name="health", daemon=True
            ).start()

    def close(self) -> None:
        """Stop answering."""
        self._over.set()
        if self._server:
            self._server.shutdown()

    def _run(self, port: int) -> None:
        while not self._over.is_set():
            try:
                with _Server((self._host, port), self._report) as self._server:
                    log.info("health is told on http://%s:%d/live and /ready", self._host, port)
                    self._server.serve_forever(poll_interval=0.2)
            except OSError as error:
                # Applying goes before telling about it.
                log.error(  # noqa: TRY400 -- the reason is the message
                    "SIGNOFF_HEALTH_PORT %d on %s cannot be opened, trying again: %s",
                    port, self._host, error.strerror,
                )  # fmt: skip
                self._over.wait(_TAKEN_PAUSE)


class _Server(ThreadingTCPServer):
    """Unlike the library's HTTPServer it asks no name server what this host is called."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], report: Callable[[], HealthReport]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.report = report
        super().__init__(address, _Answer)


class _Answer(BaseHTTPRequestHandler):
    """Answers one request."""

    server: _Server
    timeout = 5

    def do_GET(self) -> None:
        """Answer 200 or 503, and say why as JSON; 404 for any other path."""
        report = self.server.report()
        held = {"/live": report.live, "/ready": report.ready}.get(self.path)
        body = report.as_json().encode()
        if held is None:
            self.send_error(HTTPStatus.NOT_FOUND, "ask for /live or /ready")
            return
        self.send_response(HTTPStatus.OK if held else HTTPStatus.SERVICE_UNAVAILABLE)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
        """A probe every few seconds is no news."""
        log.debug(format, *args)
