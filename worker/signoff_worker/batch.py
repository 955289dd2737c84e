"""One batch on its way through the worker: what was taken, what became of it, how long it took."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from signoff_db.apply import Outcome
from signoff_db.delivery import Delivery
from signoff_queue.batch_queue import BatchQueue, TakenJob


@dataclass(slots=True)
class Report:
    """What the log line of a batch says."""

    counts: Counter[str] = field(default_factory=Counter)
    milliseconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Measure a step of the batch, or one more part of it."""
        start = time.perf_counter()
        yield
        took = (time.perf_counter() - start) * 1000
        self.milliseconds[step] = round(self.milliseconds.get(step, 0) + took, 1)

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """Count the verdicts."""
        self.counts.update(str(outcome.result) for outcome in outcomes)

    @property
    def fields(self) -> dict[str, Any]:
        """The line's members."""
        steps = {f"{step}_ms": took for step, took in self.milliseconds.items()}
        return {"events": self.counts.total(), **dict(sorted(self.counts.items())), **steps}


@dataclass(slots=True)
class Batch:
    """What was taken together, and stays together until it is acknowledged."""

    queue: BatchQueue
    jobs: list[TakenJob]
    report: Report
    deliveries: list[Delivery] = field(default_factory=list)
    carried_over: int = 0
    """How many batches in a row, up to this one, hold what raced in the one before."""

    @property
    def suspect(self) -> bool:
        """Whether workers died with it in hand."""
        return any(job.deaths for job in self.jobs)

    @property
    def missing_jobs(self) -> list[str]:
        """Ids of which nothing else was left."""
        return [job.id for job in self.jobs if job.missing]

    @property
    def oversized(self) -> dict[str, int]:
        """Ids of jobs that are too large, each with what it is, a `JobHash`."""
        return {job.id: job.hash for job in self.jobs if job.oversize}

    def carry_over(self, raced: Sequence[Delivery], earlier: "Batch") -> None:
        """Have events that raced in an earlier batch applied, and acknowledged, with this one."""
        self.deliveries += raced
        self.carried_over = earlier.carried_over + 1 if raced else 0
