"""The network between hosts: a TCP proxy in this process that can fail as networks do."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

_CHUNK: Final = 65536
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Link:
    """One client's connection and the proxy's own to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.half_open = False
        """The server's host is cut off, and the client gets no error."""

    def reset(self) -> None:
        """End both sides with a reset (RST)."""
        _reset(self.client)
        _reset(self.server)


class Proxy:
    """Listens on a port of its own for `upstream`, which may be repointed while it runs."""

    def __init__(self, upstream: int, host: str = "127.0.0.1") -> None:
        self.upstream = upstream
        self.host = host
        self.port = 0
        self._delay = 0.0
        self._cut_every = 0
        self._replies = 0
        self._links: set[Link] = set()
        self._loop = asyncio.new_event_loop()
        self._passable = asyncio.Event()
        self._passable.set()
        listening = threading.Event()
        self._thread = threading.Thread(target=self._run, args=[listening], daemon=True)
        self._thread.start()
        listening.wait()

    @property
    def connections(self) -> int:
        """How many connections there are."""
        return len(self._links)

    def partition(self) -> None:
        """Drop everything in both directions, without an error on either side."""
        self._soon(self._passable.clear)

    def half_open(self) -> None:
        """Drop every open connection without an error for its client; new connections work."""
        self._soon(self._forget)

    def slow(self, seconds: float) -> None:
        """Delay everything by this time, in each direction."""
        self._delay = seconds

    def cut_replies(self, every: int) -> None:
        """Cut one in this many pieces of replies in its middle by a reset."""
        self._cut_every = every

    def reset_all(self) -> None:
        """Reset every connection."""
        self._soon(lambda: _reset_each(self._links))

    def repoint(self, upstream: int) -> None:
        """Connect to another server, as a virtual IP does."""
        self.upstream = upstream
        self.reset_all()

    def clear(self) -> None:
        """End all faults. Connections that a host has lost are reset."""
        self._delay = 0.0
        self._cut_every = 0
        self._soon(self._passable.set)
        self._soon(lambda: _reset_each(link for link in self._links if link.half_open))

    def close(self) -> None:
        """Stop listening and reset everything."""
        self.clear()
        self.reset_all()
        self._soon(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _soon(self, act: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(act)

    def _run(self, listening: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, self.host, 0, limit=2 * _CHUNK)
        )
        self.port = server.sockets[0].getsockname()[1]
        listening.set()
        self._loop.run_forever()
        server.close()
        ending = asyncio.all_tasks(self._loop)
        self._loop.run_until_complete(asyncio.gather(*ending, return_exceptions=True))

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        try:
            replies, server = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            _reset(client)
            return
        link = Link(client, server)
        self._links.add(link)
        try:
            await asyncio.gather(self._requests(link, reader), self._answers(link, replies))
        finally:
            self._links.discard(link)
            client.close()
            server.close()

    async def _requests(self, link: Link, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._travel()
                if not link.half_open:
                    link.server.write(data)
                    await link.server.drain()
        link.server.close()

    async def _answers(self, link: Link, replies: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await replies.read(_CHUNK):
                await self._travel()
                if self._to_be_cut():
                    link.client.write(data[: len(data) // 2])
                    await link.client.drain()
                    link.reset()
                    return
                if not link.half_open:
                    link.client.write(data)
                    await link.client.drain()
        if not link.half_open:
            link.client.close()

    async def _travel(self) -> None:
        if self._delay:
            await asyncio.sleep(self._delay)
        await self._passable.wait()

    def _to_be_cut(self) -> bool:
        self._replies += 1
        return bool(self._cut_every) and self._replies % self._cut_every == 0

    def _forget(self) -> None:
        for link in self._links:
            link.half_open = True
            _reset(link.server)


def _reset_each(links: Iterable[Link]) -> None:
    for link in list(links):
        link.reset()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


def port_of(url: str) -> int:
    """The port of a server."""
    return urlsplit(url).port or 0


def through(url: str, proxy: Proxy) -> str:
    """The URL of the same server through the proxy."""
    parts = urlsplit(url)
    userinfo = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{userinfo}@{proxy.host}:{proxy.port}").geturl()
