"""A fault: it happens to the deployment, lasts for some time, and ends."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from random import Random
from typing import Literal

from faults.deployment import Deployment

Of = Literal["events", "workers", "outbox", "second", "postgres", "redis", "network"]
"""What a fault happens to. Faults of different kinds may happen together. They begin in this order:
a fault needs all that follows it here to work while it begins, and again when it ends."""


class NotHereError(Exception):
    """This machine cannot produce the fault; the text says why."""


@dataclass(frozen=True)
class Fault:
    """A fault by name; `happens` begins it, yields while it lasts, and ends it.

    It raises NotHereError where the machine cannot do it.
    """

    name: str
    of: Of
    happens: Callable[[Deployment, Random], Iterator[None]]
    takes_long: bool = False
    """Left out of `make check`: it takes too long, or another fault or test is close to it."""

    def on(self, deployment: Deployment, chance: Random) -> AbstractContextManager[None]:
        """The fault, for as long as the block lasts."""
        return contextmanager(self.happens)(deployment, chance)


def work_until_killed(
    process: subprocess.Popen[bytes], point: str, work: Callable[[], object]
) -> None:
    """Give a process work until it has killed itself at the point.

    Raises:
        AssertionError: it ended otherwise.
    """
    while process.poll() is None:
        work()
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    check_killed(process, point)


def check_killed(process: subprocess.Popen[bytes], point: str) -> None:
    """Check that a process killed itself as it should.

    Raises:
        AssertionError: it ended otherwise.
    """
    if process.returncode != -signal.SIGKILL:
        raise AssertionError(
            f"a process should have died {point}, but ended with {process.returncode}"
        )
