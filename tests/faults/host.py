"""Another host on a network of its own: a network namespace, whose cable can be pulled."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from faults.fault import NotHereError

_SUBNETS = 250


@dataclass(frozen=True)
class Host:
    """A namespace `name`, in which processes see this machine as `gateway` and nothing else."""

    name: str
    gateway: str
    cable: str

    @property
    def inside(self) -> list[str]:
        """The prefix that runs a command on that host."""
        return [_ip(), "netns", "exec", self.name]

    def unplug(self) -> None:
        """Drop all packets from now on, without an error on either side."""
        _run("link", "set", self.cable, "down")

    def plug(self) -> None:
        """Let packets pass again."""
        _run("link", "set", self.cable, "up")


@contextmanager
def another_host() -> Iterator[Host]:
    """Another host, until the block ends.

    Raises:
        NotHereError: this user may not make network namespaces, or there is no `ip`.
    """
    number = os.getpid() % _SUBNETS
    host = Host(f"signoff-{number}", f"10.213.{number}.1", f"signoff-{number}a")
    peer = f"signoff-{number}b"
    try:
        _run("netns", "add", host.name)
        _run("link", "add", host.cable, "type", "veth", "peer", "name", peer)
        _run("link", "set", peer, "netns", host.name)
        _run("addr", "add", f"{host.gateway}/24", "dev", host.cable)
        _run("-n", host.name, "addr", "add", f"10.213.{number}.2/24", "dev", peer)
        _run("-n", host.name, "link", "set", peer, "up")
        host.plug()
        yield host
    finally:
        subprocess.run([_ip(), "netns", "del", host.name], check=False, capture_output=True)


def _ip() -> str:
    found = shutil.which("ip")
    if found is None or os.geteuid() != 0:
        raise NotHereError("network namespaces need root and `ip` (Debian: iproute2)")
    return found


def _run(*arguments: str) -> None:
    try:
        subprocess.run([_ip(), *arguments], check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        raise NotHereError(f"no network namespace here: {error.stderr.strip()}") from error
