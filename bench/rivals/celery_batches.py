"""celery-batches: Celery that hands over 500 events at a time, to the very SQL that Signoff runs.

What it cannot promise: what a node held when it died waits for an hour (`visibility_timeout`).
"""

import os
from collections.abc import Sequence

from celery import Celery
from celery_batches import Batches, SimpleRequest

from rivals.celery import node
from rivals.rival import Rival
from signoff_db.apply import apply
from signoff_db.connection import BatchConnection, connect_for_batches
from signoff_db.delivery import Delivery

# Tried, events/s: a prefetch of 1,000 events a node and 1 process in it: 1,590 to 2,080, of 4,000:
# 1,500; 2 processes with 1,000: 1,440 to 2,180, with 20,000: 1,400.
app = Celery("rivals", broker=os.environ["SIGNOFF_REDIS_URL"], set_as_current=False)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_serializer="json",
    worker_prefetch_multiplier=1000,
)
_connections: list[BatchConnection] = []


def apply_many(requests: Sequence[SimpleRequest]) -> None:
    """500 events in one transaction."""
    if not _connections:
        url = os.environ["SIGNOFF_DATABASE_URL"]
        _connections.append(connect_for_batches(url, application="bench"))
    apply(_connections[0], [Delivery.of_payload(r.id, r.args[0].encode()) for r in requests])


task = app.task(apply_many, name="apply_many", base=Batches, flush_every=500, flush_interval=0.2)


def send(payloads: Sequence[str]) -> None:
    """One call a task."""
    with app.producer_pool.acquire() as producer:
        for payload in payloads:
            task.apply_async((payload,), producer=producer)


RIVAL = Rival(
    "celery-batches of 500, 2 nodes",
    send,
    [node(name, "rivals.celery_batches", 1) for name in ("one", "two")],
)
