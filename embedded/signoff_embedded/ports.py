"""The TCP ports of the embedded servers."""

import random
import socket
from typing import Final

from signoff_embedded.errors import EmbeddedError

HOST: Final = "127.0.0.1"
# Below the ranges that Linux and macOS use for outgoing connections, so that another program's
# connection does not use a port that was stored at the last start.
_CANDIDATES: Final = range(20_000, 30_000)


def free_port() -> int:
    """A free port, chosen at random, so that parallel starts do not collide."""
    for port in random.sample(_CANDIDATES, k=100):
        if _refusal(port) is None:
            return port
    raise EmbeddedError(
        f"No free port found: 100 ports between {_CANDIDATES.start} and {_CANDIDATES.stop} were "
        f"tried on {HOST} and all are taken. Stop some programs, or name a free port."
    )


def is_free(port: int) -> bool:
    """Whether this process can listen on the port."""
    return _refusal(port) is None


def check_port(port: int, *, server: str, option: str) -> None:
    """Raise EmbeddedError, with what to do, if `server` could not listen on `port`."""
    if refusal := _refusal(port):
        raise EmbeddedError(
            f"{server} cannot listen on {HOST}:{port}: {refusal}. Stop what uses the port, or "
            f"choose another from 1024 to 65535 with {option}."
        )


def _refusal(port: int) -> str | None:
    """The reason why this process cannot listen on the port; None if it can."""
    with socket.socket() as listener:
        # As the servers do: the port is free although connections of the last server still close.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen()
        except OSError as error:
            return error.strerror
        except OverflowError:
            return "no such port"
    return None
