"""Which TCP ports the embedded servers listen on."""

import random
import socket
from typing import Final

from signoff_embedded.errors import EmbeddedError

HOST: Final = "127.0.0.1"
# Below the ranges from which Linux and macOS draw ports for outgoing connections: a port that is
# remembered from the last start is then not held by a mere connection of some other program.
_CANDIDATES: Final = range(20_000, 30_000)


def free_port() -> int:
    """Pick a port that nothing listens on, at random, so that parallel starts do not collide."""
    for port in random.sample(_CANDIDATES, k=100):
        if _refusal(port) is None:
            return port
    raise EmbeddedError(
        f"No free port found: 100 ports between {_CANDIDATES.start} and {_CANDIDATES.stop} were "
        f"tried on {HOST} and all are taken. Stop some programs, or name a free port."
    )


def check_port(port: int, *, server: str, option: str) -> None:
    """Raise EmbeddedError, with what to do, where `server` could not listen on `port`."""
    if refusal := _refusal(port):
        raise EmbeddedError(
            f"{server} cannot listen on {HOST}:{port}: {refusal}. Stop what uses the port, or "
            f"choose another from 1024 to 65535 with {option}."
        )


def _refusal(port: int) -> str | None:
    """Say why the system does not let us listen on the port; None if it does."""
    with socket.socket() as listener:
        # As the servers do: connections of a server that has just ended do not hold its port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen()
        except OSError as error:
            return error.strerror
        except OverflowError:
            return "no such port"
    return None
