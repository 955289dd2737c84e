"""Other hosts on this machine: network namespaces, each linked to the servers of the tests.

They need root and iproute2. The servers of the tests listen on the loopback of their own host only;
`reachable` forwards connections of other hosts to one.
"""

import asyncio
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit
from uuid import uuid4

IP = shutil.which("ip") or "/usr/sbin/ip"


def why_not() -> str | None:
    """Why this machine can make no namespaces, if it cannot."""
    name = f"signoff-{uuid4().hex[:6]}"
    try:
        subprocess.run([IP, "netns", "add", name], check=True, capture_output=True, text=True)
    except FileNotFoundError:
        return "there is no `ip` (Debian: iproute2)"
    except subprocess.CalledProcessError as refused:
        return f"`ip netns add` was refused: {refused.stderr.strip()}"
    _ip("netns", "delete", name)
    return None


class Host:
    """A namespace that reaches this one, and nothing else, over a cable of its own."""

    def __init__(self) -> None:
        self.name = f"sg-{uuid4().hex[:8]}"
        subnet, self._claim = _claimed_subnet()
        self.gateway = f"{subnet}.1"
        """Where this host finds the servers."""
        self._address = f"{subnet}.2"

    @contextmanager
    def up(self) -> Iterator["Host"]:
        """Plug it in until the block ends."""
        _ip("netns", "add", self.name)
        try:
            _ip(
                "link", "add", self.name, "type", "veth", "peer", "name", "eth0", "netns", self.name
            )
            _ip("address", "add", f"{self.gateway}/24", "dev", self.name)
            _ip("link", "set", self.name, "up")
            _ip("-n", self.name, "address", "add", f"{self._address}/24", "dev", "eth0")
            _ip("-n", self.name, "link", "set", "eth0", "up")
            yield self
        finally:
            _ip("netns", "delete", self.name)
            self._claim.close()

    def running(self, *command: str) -> list[str]:
        """The command, to be run on this host; the process is the command itself."""
        return [IP, "netns", "exec", self.name, *command]

    def unplug(self) -> None:
        """Cut the cable: neither side gets an error."""
        _ip("link", "set", self.name, "down")


def _claimed_subnet() -> tuple[str, socket.socket]:
    """A subnet that no other test on this machine uses, nor anything else.

    Whoever binds its name in the abstract namespace has it, until that socket is closed, or its
    process ends. What a killed test left behind has routes still.
    """
    for number in range(50 * 256):
        subnet = f"10.{200 + number // 256}.{number % 256}"
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0signoff-test-{subnet}")
        except OSError:
            claim.close()
            continue
        if not _ip("route", "show", "root", f"{subnet}.0/24").strip():
            return subnet, claim
        claim.close()
    raise AssertionError("every subnet for tests is in use")


@contextmanager
def reachable(url: str, host: Host) -> Iterator[str]:
    """The URL under which the host reaches a server that listens on the loopback here."""
    parts = urlsplit(url)
    loop = asyncio.new_event_loop()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            await asyncio.gather(_pass_on(reader, to_server), _pass_on(from_server, writer))
        finally:
            for end in (writer, to_server):
                end.transport.abort()
                with suppress(ConnectionError):
                    await end.wait_closed()

    server = loop.run_until_complete(asyncio.start_server(forward, host.gateway, 0))
    port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    credentials = parts.netloc.rpartition("@")[0]
    try:
        yield parts._replace(netloc=f"{credentials}@{host.gateway}:{port}").geturl()
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _ip(*arguments: str) -> str:
    return subprocess.run([IP, *arguments], check=True, capture_output=True, text=True).stdout
