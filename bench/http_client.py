"""A client that costs little, so that the server is what is measured."""

import asyncio
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


def posts_a_second(port: int, requests: Sequence[bytes], *, at_once: int) -> float:
    """Send all requests over so many connections; returns how many were answered a second."""
    return uvloop.run(_posts(port, requests, at_once))


async def _posts(port: int, requests: Sequence[bytes], at_once: int) -> float:
    left = iter(requests)
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(at_once)]
    start = time.perf_counter()
    await asyncio.gather(*(_send(left, *connection) for connection in connections))
    took = time.perf_counter() - start
    for _, writer in connections:
        writer.close()
    return len(requests) / took


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


def lines_a_second(port: int, lines: Sequence[bytes]) -> float:
    """Send all lines in one request and read all receipts; returns the lines a second."""
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
    return len(lines) / took
