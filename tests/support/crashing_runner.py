"""A runner of operations that kills itself, as `kill -9` would, or ends when all have ended.

Run as `python -m crashing_runner POINT`; POINT is `before commit` or `after commit` of its first
batch, or `never`. Its lease is short, so that the next runner need not wait for long.
"""

import os
import signal
import sys
import threading
from datetime import timedelta
from typing import Any

from signoff_db.connection import connect
from signoff_db.operations import running
from signoff_db.operations.progress import Progress
from signoff_db.operations.table import count_open
from signoff_ops.operation_run import Runner
from signoff_schemas import Settings

LEASE = timedelta(seconds=1)


def die() -> None:
    """End at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def any_open(database_url: str) -> bool:
    """Whether an operation has not ended: one may be under the lease of a runner that died."""
    with connect(database_url) as connection:
        return count_open(connection, most=1) > 0


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
    while runner.turn(threading.Event()) or any_open(url):
        """Work on the next one, or wait until it is due."""
    runner.close()
