"""Huey: a Redis list, popped blockingly by four processes.

What it cannot promise: a task is off the list before it runs, so a process that dies loses it; and
four processes do not keep the order of one interaction's events.
"""

import os
from collections.abc import Sequence

from huey import RedisHuey

from rivals.rival import Rival
from rivals.transaction import apply_one

huey = RedisHuey("bench", url=os.environ["SIGNOFF_REDIS_URL"], results=False)
task = huey.task(name="apply_one")(apply_one)


def send(payloads: Sequence[str]) -> None:
    """One call a task."""
    for payload in payloads:
        task(payload)


# Tried, events/s: processes 2: 1,420 to 1,670, 3: 1,690 to 1,830, 4: 1,850 to 2,070, 6: 1,880,
# 8: 1,950, 12: 1,910; 4 threads: 1,900. The list is popped blockingly: its delays do not matter.
RIVAL = Rival(
    "Huey, 4 processes",
    send,
    [["huey.bin.huey_consumer", "rivals.huey.huey", "-k", "process", "-w", "4", "-n", "-q"]],
)
