"""A client that costs little, so that the server is what is measured."""

import asyncio
import socket
import time
from collections.abc import Iterator, Sequence

import uvloop

HEAD = (
    b"POST /v1/approvals HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer any\r\n"
    b"Content-Type: %b\r\n%b"
)
JSON = b"application/json"
LINES = b"application/x-ndjson"


def post(body: bytes, more: bytes = b"") -> bytes:
    """A request with one event."""
    head = HEAD % (JSON, more)
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


class OneByOne:
    """A connection for one request after the other."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)

    def answer(self, request: bytes) -> bytes:
        """Send a request; returns the body of its answer."""
        self._socket.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._received()
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        while len(body) < length:
            body += self._received()
        return body

    def _received(self) -> bytes:
        data = self._socket.recv(65_536)
        if not data:
            raise AssertionError("the web service closed the connection")
        return data


class Posting:
    """Connections that send requests at the same time, and stay open between measurements."""

    def __init__(self, port: int, *, at_once: int) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._connections = self._runner.run(_opened(port, at_once))

    def seconds(self, requests: Sequence[bytes]) -> float:
        """Send all requests; returns how long it took until all were answered."""
        return self._runner.run(self._posts(requests))

    async def _posts(self, requests: Sequence[bytes]) -> float:
        left = iter(requests)
        start = time.perf_counter()
        await asyncio.gather(*(_send(left, *connection) for connection in self._connections))
        return time.perf_counter() - start

    def close(self) -> None:
        """Close the connections."""
        for _, writer in self._connections:
            self._runner.get_loop().call_soon(writer.close)
        self._runner.close()


async def _opened(port: int, count: int) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    return [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]


async def _send(
    left: Iterator[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    for request in left:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 20"):
            raise AssertionError(head)
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
        await reader.readexactly(int(length))


def seconds_of_lines(port: int, lines: Sequence[bytes]) -> float:
    """Send all lines in one request and read all receipts; returns how long that took."""
    return uvloop.run(_lines(port, lines))


async def _lines(port: int, lines: Sequence[bytes]) -> float:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = b"\n".join(lines)
    start = time.perf_counter()
    writer.write(HEAD % (LINES, b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)))
    writer.write(body)
    taken = 0
    while received := await reader.read(262_144):
        taken += received.count(b'"accepted"}')
    took = time.perf_counter() - start
    if abs(taken - len(lines)) > len(lines) / 100:  # a read may end within the text
        raise AssertionError(taken)
    writer.close()
    return took
