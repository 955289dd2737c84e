"""taskiq: a Redis stream, two processes.

What it cannot promise: threads of two processes do not keep the order of one interaction's
events; what a process held when it died waits for ten minutes.
"""

import asyncio
import os
from collections.abc import Sequence

from taskiq_redis import RedisStreamBroker

from rivals.rival import Rival
from rivals.transaction import apply_one

broker = RedisStreamBroker(os.environ["SIGNOFF_REDIS_URL"], consumer_id="0")
loop = asyncio.new_event_loop()
task = broker.task("apply_one")(apply_one)


def send(payloads: Sequence[str]) -> None:
    """One call a task."""

    async def kick() -> None:
        for payload in payloads:
            await task.kiq(payload)

    loop.run_until_complete(kick())


# Tried, events/s: as many threads as asyncio chooses: 1,480 to 1,610, 2: 1,590, 4: 1,590, 8: 1,600;
# 4 without parsing of arguments: 1,660, and at most 8 tasks at once: 1,540.
RIVAL = Rival(
    "taskiq-redis, stream, 2 processes",
    send,
    [
        [
            *("taskiq", "worker", "rivals.taskiq:broker", "--workers", "2"),
            *("--no-parse", "--max-threadpool-threads", "4", "--log-level", "WARNING"),
        ]
    ],
)
