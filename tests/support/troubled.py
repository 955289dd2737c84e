"""A proxy in front of a real Redis, which fails as a test tells it to."""

import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit

READ = 1 << 20
"""Bytes taken at a time; a test's commands and answers fit in one piece."""


class Trouble(Enum):
    """What befalls a publish on its way."""

    NONE = "none"
    CUT = "the connection breaks before Redis has it"
    ANSWER_LOST = "Redis has it, and the connection breaks before the answer"
    SILENCE = "Redis has it, and its answer never comes"


@dataclass
class Way:
    """The proxy's URL, and what befalls the next publishes, in order; bytes stand for an answer."""

    url: str
    ahead: deque[Trouble | bytes] = field(default_factory=deque)
    seen: int = 0
    """Publishes that came by."""


@contextmanager
def troubled(redis_url: str) -> Iterator[Way]:
    """Run the proxy until the block ends."""
    target = urlsplit(redis_url)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        netloc = f"{target.netloc.rpartition('@')[0]}@127.0.0.1:{port}"
        way = Way(target._replace(netloc=netloc).geturl())

        def serve() -> None:
            with suppress(OSError):  # the listener is closed
                while True:
                    client, _ = listener.accept()
                    server = socket.create_connection((target.hostname, target.port))
                    threading.Thread(target=_carry, args=[way, client, server], daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield way
        listener.shutdown(socket.SHUT_RDWR)


def _carry(way: Way, client: socket.socket, server: socket.socket) -> None:
    with client, server, suppress(OSError):
        while command := client.recv(READ):
            publishing = b"\r\nEVALSHA\r\n" in command
            way.seen += publishing
            trouble = way.ahead.popleft() if publishing and way.ahead else None
            if trouble is Trouble.CUT:
                return
            if isinstance(trouble, bytes):
                client.sendall(trouble)
                continue
            server.sendall(command)
            answer = server.recv(READ)
            if trouble is Trouble.ANSWER_LOST:
                return
            if trouble is not Trouble.SILENCE:
                client.sendall(answer)
