"""A fault: something that happens to the stage, lasts for some time, and ends."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from random import Random
from typing import Literal

from faults.stage import Stage

Of = Literal["events", "workers", "outbox", "postgres", "redis", "network"]
"""What a fault happens to. Faults of different things may happen together, in this order: the first
are those that need what comes later to work while they begin, and again when they are healed."""


class NotHereError(Exception):
    """This machine does not allow the fault; the text says why."""


@dataclass(frozen=True)
class Fault:
    """A fault by name; `happens` begins it, yields while it lasts, and ends it.

    It raises NotHereError where the machine cannot do it.
    """

    name: str
    of: Of
    happens: Callable[[Stage, Random], Iterator[None]]
    takes_long: bool = False
    """Left out of `make check`: it takes too long, or another fault or test is close to it."""

    def on(self, stage: Stage, chance: Random) -> AbstractContextManager[None]:
        """The fault, for as long as the block lasts."""
        return contextmanager(self.happens)(stage, chance)


def lead_to_death(process: subprocess.Popen[bytes], point: str, lure: Callable[[], object]) -> None:
    """Give a process work that leads by the point at which it dies, until it has died there.

    Raises:
        AssertionError: it ended otherwise.
    """
    while process.poll() is None:
        lure()
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    check_killed(process, point)


def check_killed(process: subprocess.Popen[bytes], point: str) -> None:
    """See that a process died as it was to.

    Raises:
        AssertionError: it ended otherwise.
    """
    if process.returncode != -signal.SIGKILL:
        raise AssertionError(f"a process was to die {point}, and ended with {process.returncode}")
