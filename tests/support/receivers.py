"""A receiver of webhooks: a real HTTP server that answers as it is told and keeps what it got."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import standardwebhooks
from processes import DEADLINE


@dataclass(frozen=True)
class Received:
    """One request."""

    headers: dict[str, str]
    body: bytes
    path: str = "/"

    @property
    def id(self) -> str:
        """The id of its message."""
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:
        """Its JSON; an error unless the signature fits, as an independent library checks it."""
        return standardwebhooks.Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """What it got, and how it answers: a status, or a function that answers itself."""

    url: str = ""
    got: list[Received] = field(default_factory=list)
    answers: list[int | Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=list)
    """The first answers, one after the other; then 204."""
    headers: dict[str, str] = field(default_factory=dict)
    text: bytes = b""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_answer(self, received: Received) -> int | Callable[[BaseHTTPRequestHandler], None]:
        """Keep a request; gives its answer."""
        with self.lock:
            self.got.append(received)
            return self.answers.pop(0) if self.answers else 204


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a port of its own."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = receiver.next_answer(Received(headers, body, self.path))
            with suppress(OSError):
                if callable(answer):
                    answer(self)
                    return
                self.send_response(answer)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(receiver.text)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook/t0k3n"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


def answering_slowly(go_on: threading.Event) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer that comes only once the event is set."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        go_on.wait(DEADLINE)
        handler.send_response(204)
        handler.end_headers()

    return answer


def endless(handler: BaseHTTPRequestHandler) -> None:
    """A success whose body never ends."""
    handler.send_response(200)
    handler.end_headers()
    handler.connection.settimeout(DEADLINE)
    with suppress(OSError, socket.timeout):
        while True:
            handler.wfile.write(b"x" * 65_536)
