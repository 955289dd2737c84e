"""Keep a command of Signoff running as a child process: if it ends by itself, start it again."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from signoff_cli.children import running
from signoff_schemas.backoff import backoff_delays

log: Final = logging.getLogger("signoff.children")

_CHECK_SECONDS: Final = 0.2
_LONG_ENOUGH: Final = 60.0
"""After so many seconds without an end, the next end is answered at once again."""


@contextmanager
def kept_running(name: str, command: Sequence[str], variables: dict[str, str]) -> Iterator[None]:
    """Run the command until the block ends, however often it ends before.

    It finishes what it has in hand; if this process is killed, it stops by itself.
    """
    stop = threading.Event()
    keeper = threading.Thread(target=_keep, args=[name, command, variables, stop], daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join()


def _keep(
    name: str, command: Sequence[str], variables: dict[str, str], stop: threading.Event
) -> None:
    delays = backoff_delays(first=1.0)
    while not stop.is_set():
        started = time.monotonic()
        ended = _run_once(name, command, variables, stop)
        if ended is None:
            return
        if time.monotonic() - started > _LONG_ENOUGH:
            delays = backoff_delays(first=1.0)
        delay = next(delays)
        log.warning("%s %s; next start in %.1f s", name, ended, delay)
        stop.wait(delay)


def _run_once(
    name: str, command: Sequence[str], variables: dict[str, str], stop: threading.Event
) -> str | None:
    """Run the command; how it ended if it did so by itself, None if it was stopped."""
    try:
        with running(name, command, variables) as child:
            while not stop.wait(_CHECK_SECONDS):
                if (code := child.process.poll()) is not None:
                    return f"ended with exit code {code}"
    except OSError as error:  # no process or memory is left
        return f"could not be started ({error.strerror or error})"
    return None
