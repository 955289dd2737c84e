"""What a rival's file holds: `RIVAL`, made anew for each pair of servers.

It names its task: a name taken from the function differs between sender and workers, since taskiq
renames the function that it is given.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from deployment import Deployment

from rivals.transaction import BY_HAND

BENCH = Path(__file__).parent.parent


@dataclass(frozen=True)
class Rival:
    """A queue with its workers."""

    name: str
    send: Callable[[Sequence[str]], None]
    """Puts events on its queue, canonical JSON each."""
    workers: Sequence[Sequence[str]]
    """What starts them: each a module to run, and its arguments."""

    @contextmanager
    def working(self, deployment: Deployment) -> Iterator[Sequence[subprocess.Popen[bytes]]]:
        """Its workers at work; they hold nothing worth a graceful end when this is left."""
        with (deployment.folder / "rivals.log").open("ab") as log:
            running = [
                subprocess.Popen(
                    [sys.executable, "-m", *command],
                    cwd=BENCH,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
                for command in self.workers
            ]
        try:
            yield running
        finally:
            for worker in running:
                os.killpg(worker.pid, signal.SIGKILL)
                worker.wait()


def load(name: str, deployment: Deployment, *, by_hand: bool = False) -> Rival:
    """The rival of `rivals/<name>.py` on these servers, whose addresses it takes when imported.

    `by_hand` has its tasks run a statement of their own; see `transaction`.
    """
    os.environ[BY_HAND] = "1" if by_hand else ""
    os.environ["SIGNOFF_REDIS_URL"] = deployment.redis_url
    os.environ["SIGNOFF_DATABASE_URL"] = deployment.database_url
    sys.modules.pop(f"rivals.{name}", None)
    try:
        rival: Rival = import_module(f"rivals.{name}").RIVAL
    except ModuleNotFoundError as error:
        raise SystemExit(f"{error.name} is not installed; `make bench` installs it") from error
    return rival
