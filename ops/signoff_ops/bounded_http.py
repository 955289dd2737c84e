"""Post over HTTP with bounds: of the time in all, of what is read, and of where it connects to.

A socket's timeout begins again with each byte, so a receiver that sends slowly could delay the
sender without limit. So a timer closes the connection.

The host's name is resolved once, and the connection goes to an address that was checked: a name
server that answers differently the next time (DNS rebinding) changes nothing. TLS is verified
against the name. Redirects are answers like any other, not followed.
"""

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from queue import Empty, SimpleQueue
from typing import Any, Final
from urllib.error import URLError
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from signoff_schemas import SignoffError

REQUEST_SECONDS: Final = 10.0
_MOST_BYTES: Final = 16_384
"""How much of an answer's body is read."""

Allowed = Callable[[str], bool]
"""Whether a connection may go to an IP address."""


class PostError(SignoffError):
    """There was no answer; the text is what follows the receiver's name in a sentence."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver answered."""

    status: int
    body: bytes
    """Its beginning."""
    retry_after: str | None
    """The header Retry-After, as it came."""

    @property
    def ok(self) -> bool:
        """Whether it is a success."""
        return 200 <= self.status < 300  # noqa: PLR2004 -- as HTTP has it


def post(
    url: str,
    message: bytes,
    headers: dict[str, str],
    *,
    allowed: Allowed = lambda _: True,
    proxies: bool = False,
    seconds: float = REQUEST_SECONDS,
) -> Answer:
    """Post the message and read the beginning of the answer.

    Args:
        url: http or https; the caller has checked that.
        message: the body.
        headers: of the request.
        allowed: which addresses may be connected to.
        proxies: use those of the environment; then `allowed` is asked about them.
        seconds: for all of it, resolving the name included.

    Raises:
        PostError: no answer, or not in time.
    """
    started = time.monotonic()
    try:
        return _send(url, message, headers, allowed, seconds, proxies=proxies)
    except (HTTPException, OSError, ValueError) as error:
        if time.monotonic() - started >= seconds:
            raise PostError(f"did not answer within {seconds:g} s") from None
        raise PostError(f"cannot be reached: {_reason(error)}") from None


def _send(
    url: str,
    message: bytes,
    headers: dict[str, str],
    allowed: Allowed,
    seconds: float,
    *,
    proxies: bool,
) -> Answer:
    request = Request(url, data=message, headers=headers, method="POST")  # noqa: S310 -- see `post`
    with _deadline(seconds) as deadline:
        dial = partial(_dial, deadline, allowed)
        # No handler follows redirects, and none knows another scheme.
        opener = OpenerDirector()
        for handler in (_Http(dial), _Https(dial)):
            opener.add_handler(handler)
        if proxies:
            opener.add_handler(ProxyHandler())
        with opener.open(request, timeout=seconds) as response:
            answer = Answer(
                response.status, response.read(_MOST_BYTES), response.headers["Retry-After"]
            )
        if deadline.over:  # what was read of the answer was cut off by us
            raise TimeoutError
    return answer


class _Deadline:
    """Closes the connections when the time is over."""

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._end = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self.over = False

    @property
    def left(self) -> float:
        """Seconds until then; raises TimeoutError where there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

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
    deadline = _Deadline(seconds)
    timer = threading.Timer(seconds, deadline.expire)
    timer.daemon = True
    timer.start()
    try:
        yield deadline
    finally:
        timer.cancel()
        timer.join()
        deadline.close()


class _NotAllowedError(OSError):
    """None of the host's addresses may be connected to."""


def _dial(
    deadline: _Deadline, allowed: Allowed, address: tuple[str, int], *_: object
) -> socket.socket:
    """Connect to one of the host's addresses that are allowed, in the resolver's order."""
    found = resolve(*address, seconds=deadline.left)
    permitted = [one for one in found if allowed(str(one[4][0]))]
    if not permitted:
        raise _NotAllowedError(f"its address {found[0][4][0]} is not public")
    failure: OSError = OSError("its host has no address")
    for family, kind, protocol, _name, where in permitted:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(deadline.left)
            connection.connect(where)
        except OSError as error:
            connection.close()
            failure = error
        else:
            deadline.watch(connection)
            return connection
    raise failure


AddressInfo = tuple[
    socket.AddressFamily,
    socket.SocketKind,
    int,
    str,
    tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes],
]


def resolve(host: str, port: int, *, seconds: float) -> Sequence[AddressInfo]:
    """The host's addresses, in a thread: a resolver has no timeout of its own that can be set.

    Raises:
        TimeoutError: not in time.
        OSError: the host is not known.
        ValueError: it is no name of a host.
    """
    answers: SimpleQueue[Sequence[AddressInfo] | Exception] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _dialled(
    kind: type[HTTPConnection],
    dial: Callable[..., socket.socket],
    host: str,
    **options: Any,  # noqa: ANN401 -- they are urllib's
) -> HTTPConnection:
    connection = kind(host, **options)
    # The standard library's own place for how a socket is made; TLS and proxies build on it.
    connection._create_connection = dial  # type: ignore[attr-defined]  # noqa: SLF001
    return connection


class _Http(HTTPHandler):
    def __init__(self, dial: Callable[..., socket.socket]) -> None:
        super().__init__()
        self._dial = dial

    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(partial(_dialled, HTTPConnection, self._dial), req)


class _Https(HTTPSHandler):
    def __init__(self, dial: Callable[..., socket.socket]) -> None:
        super().__init__()
        self._dial = dial

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(partial(_dialled, HTTPSConnection, self._dial), req)


def _reason(error: Exception) -> str:
    """The reason, as text of the system or of Signoff; a parser's message would quote the URL."""
    while isinstance(error, URLError) and isinstance(error.reason, Exception):
        error = error.reason
    match error:
        case _NotAllowedError():
            reason = str(error)
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
