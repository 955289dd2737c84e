"""Dramatiq: Redis, two processes of many threads; of its middleware, only what repeats failures.

What it cannot promise: threads do not keep the order of one interaction's events.
"""

import os
from collections.abc import Sequence

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Retries

from rivals.rival import Rival
from rivals.transaction import apply_one

broker = RedisBroker(url=os.environ["SIGNOFF_REDIS_URL"], middleware=[Retries()])
dramatiq.set_broker(broker)
task = dramatiq.actor(broker=broker, actor_name="apply_one")(apply_one)


def send(payloads: Sequence[str]) -> None:
    """One call a message."""
    for payload in payloads:
        task.send(payload)


# Tried, events/s: 2 processes of 2 threads: 1,050, of 4: 1,750 to 1,900, of 8: 2,270 to 2,460, of
# 16: 2,630 to 2,700, of 32: 2,250; 1 process of 16: 2,190; 3 of 8: 2,260 to 2,530.
RIVAL = Rival(
    "Dramatiq, 2 processes of 16 threads",
    send,
    [["dramatiq", "rivals.dramatiq:broker", "-p", "2", "-t", "16", "--skip-logging"]],
)
