"""A worker that kills itself, as `kill -9` would, at a given step of a batch.

Run as `python -m crashing_worker [POINT] [burst | again]`; the points are the methods' names below,
before or after. With `burst` it ends when nothing waits; with `again` another one takes its place
whenever it died, until nothing is left to do.
"""

import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

import redis
from processes import KEYS, idle

from signoff_db import apply as applying
from signoff_db.apply import Outcome
from signoff_db.delivery import Delivery
from signoff_queue.batch_queue import BatchQueue, TakenJob
from signoff_queue.failed_jobs import FailedJob, FailedJobs
from signoff_schemas import Settings, StatusDecision, redis_client
from signoff_worker import ApprovalWorker, sweep
from signoff_worker import worker as working
from signoff_worker.batch import Batch
from signoff_worker.pipeline import Pipeline

POINT = sys.argv[1] if len(sys.argv) > 1 else ""
POISON = b"poison"


def crash_at(point: str) -> None:
    """End at once, if this is the point."""
    if point == POINT:
        os.kill(os.getpid(), signal.SIGKILL)


class CrashingPipeline(Pipeline):
    """Dies at the given step, and when it takes an event that holds poison."""

    def take(self, queue: BatchQueue, *, wait: bool) -> list[TakenJob]:
        """Step 2, perhaps the last."""
        jobs = super().take(queue, wait=wait)
        if jobs:
            crash_at("after take")
            if self._applying and any(job.deaths for job in jobs):
                crash_at("of a suspect beside others")
        return jobs

    def apply(
        self, deliveries: Sequence[Delivery], most_raced: int = 0, *, awaited: bool = False
    ) -> list[Outcome]:
        """Step 4, perhaps the last; the process survives if it need not apply the poison."""
        if any(POISON in one.payload and not one.failure for one in deliveries):
            crash_at("of poison")
        outcomes = super().apply(deliveries, most_raced, awaited=awaited)
        crash_at("after commit")
        return outcomes

    def acknowledge(self, batch: Batch, outcomes: Sequence[Outcome]) -> None:
        """Step 5, perhaps the last."""
        super().acknowledge(batch, outcomes)
        crash_at("after acknowledge")


def _crashing_before_commit(*args: Any, **kwargs: Any) -> list[Outcome]:
    outcomes = _original(*args, **kwargs)
    crash_at("before commit")
    if any(isinstance(one.delivery.event, StatusDecision) for one in outcomes):
        crash_at("between the kinds")  # the approvals of the batch are committed
    return outcomes


def _crashing_in_the_sweep(self: FailedJobs, jobs: Sequence[FailedJob]) -> int:
    crash_at("in the sweep")
    return _forget(self, jobs)


_original = applying.apply_in_transaction
applying.apply_in_transaction = _crashing_before_commit
_forget = FailedJobs.forget
vars(sweep)["FailedJobs"].forget = _crashing_in_the_sweep
vars(working)["Pipeline"] = CrashingPipeline


def started() -> ApprovalWorker:
    """Make a worker; RQ cannot while Redis is unavailable, so this tries again until it can."""
    settings = Settings.load()
    connection = redis_client(settings.require("redis_url"))
    while True:
        try:
            return ApprovalWorker([settings.queue], connection=connection)
        except (redis.ConnectionError, redis.TimeoutError):
            time.sleep(0.1)


def work_again_and_again() -> None:
    """One worker after another, each a fork; their leases end with them, as time would end them."""
    client = redis_client(Settings.load().require("redis_url"))
    while not idle(client):
        client.delete(KEYS.leases)
        child = os.fork()
        if not child:
            started().work(burst=True)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    if "again" in sys.argv[2:]:
        work_again_and_again()
    else:
        started().work(burst="burst" in sys.argv[2:])
