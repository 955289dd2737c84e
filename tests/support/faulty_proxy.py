"""A proxy in front of a real Redis, which fails as a test says."""

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


class NetworkFault(Enum):
    """What happens to a publish on its way to Redis and back."""

    NONE = "none"
    CUT = "the connection breaks before Redis has it"
    ANSWER_LOST = "Redis has it, and the connection breaks before the answer"
    SILENCE = "Redis has it, and its answer never comes"


@dataclass
class FaultyProxy:
    """The proxy's URL, and the faults of the next publishes; bytes are sent as the answer."""

    url: str
    faults: deque[NetworkFault | bytes] = field(default_factory=deque)
    publishes: int = 0
    """Publishes that the proxy has seen."""


@contextmanager
def faulty_proxy(redis_url: str) -> Iterator[FaultyProxy]:
    """Run the proxy until the block ends."""
    target = urlsplit(redis_url)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        netloc = f"{target.netloc.rpartition('@')[0]}@127.0.0.1:{port}"
        proxy = FaultyProxy(target._replace(netloc=netloc).geturl())

        def serve() -> None:
            with suppress(OSError):  # the listener is closed
                while True:
                    client, _ = listener.accept()
                    server = socket.create_connection((target.hostname, target.port))
                    threading.Thread(
                        target=_carry, args=[proxy, client, server], daemon=True
                    ).start()

        threading.Thread(target=serve, daemon=True).start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)


def _carry(proxy: FaultyProxy, client: socket.socket, server: socket.socket) -> None:
    with client, server, suppress(OSError):
        while command := client.recv(READ):
            publishing = b"\r\nEVALSHA\r\n" in command
            proxy.publishes += publishing
            fault = proxy.faults.popleft() if publishing and proxy.faults else None
            if fault is NetworkFault.CUT:
                return
            if isinstance(fault, bytes):
                client.sendall(fault)
                continue
            server.sendall(command)
            answer = server.recv(READ)
            if fault is NetworkFault.ANSWER_LOST:
                return
            if fault is not NetworkFault.SILENCE:
                client.sendall(answer)
