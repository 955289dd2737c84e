"""Migrate the database whose URL is given, again and again, each time in a process that is killed.

Prints how many migrations are missing after each: all, or none. If none, they are undone.
"""

import json
import os
import random
import signal
import sys
import time

from signoff_db.migrate import migrate, pending
from signoff_db.undo import undo

LONGEST = 0.3


def left_undone(url: str, delay: float) -> int:
    """The migrations that are missing after one was killed so many seconds after its start."""
    child = os.fork()
    if child == 0:
        migrate(url)
        os._exit(0)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    missing = len(pending(url))
    if not missing:
        undo(url)
    return missing


if __name__ == "__main__":
    chance = random.Random(sys.argv[3])
    delays = [chance.uniform(0, LONGEST) for _ in range(int(sys.argv[2]))]
    sys.stdout.write(json.dumps([left_undone(sys.argv[1], delay) for delay in delays]))
