"""Celery: Redis, two nodes of two processes each, acknowledging late.

What it cannot promise: four processes do not keep the order of one interaction's events; what
a node held when it died waits for an hour (`visibility_timeout`).
"""

import os
from collections.abc import Sequence

from celery import Celery

from rivals.rival import Rival
from rivals.transaction import apply_one

# Tried, events/s: a prefetch multiplier of 1: 900, 4: 900, 32: 950, 128: 925, without limit: 940.
app = Celery("rivals", broker=os.environ["SIGNOFF_REDIS_URL"], set_as_current=False)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_serializer="json",
    worker_prefetch_multiplier=32,
)
task = app.task(apply_one, name="apply_one")


def send(payloads: Sequence[str]) -> None:
    """One call a task."""
    with app.producer_pool.acquire() as producer:
        for payload in payloads:
            task.apply_async((payload,), producer=producer)


def node(name: str, app: str, processes: int) -> list[str]:
    """A node that talks to no other."""
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING"]
    pool = ["-P", "prefork", "-c", str(processes)]
    return ["celery", "-A", app, "worker", "-n", f"{name}@bench", *pool, *quiet]


RIVAL = Rival(
    "Celery, 2 nodes of 2 processes",
    send,
    [node(name, "rivals.celery", 2) for name in ("one", "two")],
)
