"""Post an alert to the operator's webhook, with a limit of the total time.

A socket's timeout begins again with each byte, so a receiver that sends slowly could delay the
alert without limit. So a timer closes the connection.
"""

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    Request,
    build_opener,
)

from signoff_ops.hook_errors import HookError

REQUEST_SECONDS: Final = 10.0


def post(
    url: str, message: bytes, headers: dict[str, str], *, seconds: float = REQUEST_SECONDS
) -> None:
    """Post the message; any answer other than success is a failure.

    Raises:
        HookError: it was not accepted, or not in time.
    """
    where = f"SIGNOFF_ALERT_URL{_host(url)}"
    started = time.monotonic()
    try:
        _send(url, message, headers, seconds)
    except HTTPError as error:
        error.close()
        raise HookError(f"{where} answered {error.code}") from None
    except (HTTPException, OSError, ValueError) as error:
        if time.monotonic() - started >= seconds:
            raise HookError(f"{where} did not answer within {seconds:g} s") from None
        raise HookError(f"{where} cannot be reached: {_reason(error)}") from None


def _send(url: str, message: bytes, headers: dict[str, str], seconds: float) -> None:
    # Settings let only http and https through.
    request = Request(url, data=message, headers=headers, method="POST")  # noqa: S310
    with _deadline(seconds) as deadline:
        opener = build_opener(_NoRedirect, _Http(deadline), _Https(deadline))
        opener.open(request, timeout=seconds).close()
        if deadline.over:  # what was read of the answer was cut off by us
            raise TimeoutError


class _Deadline:
    """Closes the connections when the time is over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.over = False
        self._sockets: list[socket.socket] = []

    def watch(self, made: socket.socket) -> None:
        """Add a connection; it is duplicated, since TLS replaces the original socket."""
        copy = socket.socket(fileno=os.dup(made.fileno()))
        with self._lock:
            self._sockets.append(copy)
            if self.over:
                _end(copy)

    def expire(self) -> None:
        """Close all connections, since the time is over."""
        with self._lock:
            self.over = True
            for one in self._sockets:
                _end(one)

    def close(self) -> None:
        """Stop the timer."""
        for one in self._sockets:
            one.close()


def _end(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended already


@contextmanager
def _deadline(seconds: float) -> Iterator[_Deadline]:
    deadline = _Deadline()
    timer = threading.Timer(seconds, deadline.expire)
    timer.daemon = True
    timer.start()
    try:
        yield deadline
    finally:
        timer.cancel()
        timer.join()
        deadline.close()


class _Connection(HTTPConnection):
    """A connection that the deadline closes; TLS, if used, begins after `connect`."""

    deadline: _Deadline

    def connect(self) -> None:
        super().connect()
        self.deadline.watch(self.sock)


class _SecureConnection(HTTPSConnection, _Connection):
    """The same over TLS: its `connect` calls the one above, and then does the handshake."""


def _watched(
    kind: type[_Connection],
    deadline: _Deadline,
    host: str,
    **options: Any,  # noqa: ANN401 -- they are urllib's
) -> _Connection:
    connection = kind(host, **options)
    connection.deadline = deadline
    return connection


class _Http(HTTPHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(partial(_watched, _Connection, self._deadline), req)


class _Https(HTTPSHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(partial(_watched, _SecureConnection, self._deadline), req)


class _NoRedirect(HTTPRedirectHandler):
    """Refuses redirects, which would turn the POST into a GET without the message."""

    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401 -- they are urllib's
        """Return no new request, so that the redirect counts as a failure."""


def _host(url: str) -> str:
    """The URL's host for messages, without path and user, which may hold a token."""
    if url.count("@") > 1 or "@" in url.partition("://")[2].partition("/")[2]:
        return ""  # a password that is not percent-encoded may reach into what looks like a host
    return f" (host {urlsplit(url).hostname})"


def _reason(error: Exception) -> str:
    """The reason, as text of the system or of Signoff; a parser's message would quote the URL."""
    while isinstance(error, URLError) and isinstance(error.reason, Exception):
        error = error.reason
    match error:
        case ssl.SSLCertVerificationError():
            reason = f"its certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            reason = "TLS failed"
        case TimeoutError():
            reason = "it does not answer"
        case socket.gaierror():
            reason = "its host is not known"
        case OSError(strerror=str() as reason):
            pass
        case HTTPException():
            reason = "what answers speaks no HTTP"
        case _:
            reason = "it is no URL that can be asked"
    return reason
