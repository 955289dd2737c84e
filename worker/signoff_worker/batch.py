"""One batch in the worker: its jobs, its deliveries, and the report of its results."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from signoff_db.apply import Outcome
from signoff_db.delivery import Delivery
from signoff_queue.batch_queue import BatchQueue, JobHash, TakenJob
from signoff_schemas import Verdict


@dataclass(slots=True)
class Report:
    """The content of a batch's log line: counts of results, and the time of each step."""

    counts: Counter[str] = field(default_factory=Counter)
    milliseconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Measure a step; the times of several parts of a step are added."""
        start = time.perf_counter()
        yield
        took = (time.perf_counter() - start) * 1000
        self.milliseconds[step] = round(self.milliseconds.get(step, 0) + took, 1)

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """Count the results.

        Nearly all are verdicts, which a list counts faster than their hashes would be computed.
        """
        verdicts = [outcome.verdict for outcome in outcomes]
        found = {str(verdict): verdicts.count(verdict) for verdict in Verdict}
        self.counts.update({verdict: count for verdict, count in found.items() if count})
        self.counts.update(str(outcome.result) for outcome in outcomes if not outcome.verdict)

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the log line."""
        steps = {f"{step}_ms": took for step, took in self.milliseconds.items()}
        return {"events": self.counts.total(), **dict(sorted(self.counts.items())), **steps}


@dataclass(slots=True)
class Batch:
    """Jobs that were taken together and are acknowledged together."""

    queue: BatchQueue
    jobs: list[TakenJob]
    report: Report
    finish_reading: Callable[[], list[Delivery]] = list
    """The second half of step 3, which makes the deliveries."""
    carried: list[Delivery] = field(default_factory=list)
    """The raced events of an earlier batch."""
    carried_over: int = 0
    """How many batches in a row, up to this one, got raced events from the batch before."""

    _kinds: frozenset[int] = field(init=False)
    """The kinds of all the jobs' hashes: nearly always one."""

    def __post_init__(self) -> None:
        self._kinds = frozenset([job.hash for job in self.jobs])

    def read(self) -> None:
        """Do the second half of step 3 now."""
        deliveries = self.finish_reading()
        self.finish_reading = lambda: deliveries

    @property
    def suspect(self) -> bool:
        """Whether a worker died while it held one of the jobs."""
        return any(job.deaths for job in self.jobs)

    @property
    def missing_jobs(self) -> list[str]:
        """Ids of jobs that did not exist any more."""
        return self._of_kind(JobHash.MISSING)

    @property
    def oversized(self) -> list[str]:
        """The ids of jobs whose data is too large to be read."""
        return self._of_kind(JobHash.LARGE_DATA)

    def _of_kind(self, kind: JobHash) -> list[str]:
        return [job.id for job in self.jobs if job.hash == kind] if kind in self._kinds else []

    def carry_over(self, raced: Sequence[Delivery], earlier: "Batch") -> None:
        """Apply and acknowledge the raced events of an earlier batch with this one."""
        self.carried += raced
        self.carried_over = earlier.carried_over + 1 if raced else 0
