"""A runner of operations that kills itself, as `kill -9` would, or ends when nothing is due.

Run as `python -m crashing_runner POINT`; POINT is `before commit` or `after commit` of its first
batch, or `never`. Its lease is so short that the next runner need not wait.
"""

import os
import signal
import sys
import threading
from datetime import timedelta
from typing import Any

from signoff_db.operations import running
from signoff_db.operations.progress import Progress
from signoff_ops.operation_run import Runner
from signoff_schemas import Settings

LEASE = timedelta(seconds=1)


def die() -> None:
    """End at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def noting(self: Progress, **noted: object) -> None:
    """Note progress, and die before it is committed."""
    advance(self, **noted)
    die()


def replaying(*batch: Any) -> None:
    """Replay a batch, and die after it is committed."""
    replay_batch(*batch)
    die()


if __name__ == "__main__":
    point = sys.argv[1]
    url = Settings.load().require("database_url")
    advance = vars(Progress)["_advance"]
    replay_batch = vars(running)["_replay_batch"]
    if point == "before commit":
        setattr(Progress, "_advance", noting)  # noqa: B010 -- it is a method
    if point == "after commit":
        vars(running)["_replay_batch"] = replaying
    runner = Runner(url, lease=LEASE, poll=2.0)
    while runner.turn(threading.Event()):
        """Work on the next one."""
    runner.close()
