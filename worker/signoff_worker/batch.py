"""One batch on its way through the worker: what was taken, what became of it, how long it took."""

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from signoff_db.apply import Outcome
from signoff_db.delivery import Delivery, Job, Reading
from signoff_db.failure import Failure
from signoff_queue.batch_queue import MAX_ID_BYTES, BatchQueue, JobHash, Oversize, TakenJob
from signoff_schemas import FailureKind, InvalidEvent, Settings
from signoff_schemas.keys import JOB_PREFIX

_NO_DATA: Final = {
    JobHash.NO_DATA: "the job's hash has no data",
    JobHash.NO_HASH: "the job's key holds no hash",
}
_GROUP: Final = 50
"""About the root of the 2,000 events that a dead worker may leave: few batches until all are
applied, and few events that go alone where one of them kills workers."""
_UNEARNED: Final = 2
"""Deaths that an event may owe to another one, where what came back once is taken in groups."""


def group_size(max_redeliveries: int) -> int:
    """How many events that came back once go together; one where more could cost a good one."""
    return _GROUP if max_redeliveries >= _UNEARNED else 1


def _jobs(taken: Sequence[TakenJob], max_redeliveries: int) -> list[Job]:
    return [
        Job(
            job.id,
            job.data,
            1 + job.deaths + job.retries,
            job.retries,
            _abandoned(job.deaths) if job.deaths > max_redeliveries else None,
        )
        for job in taken
        if job.hash == JobHash.JOB and job.data is not None
    ]


def _unreadable(taken: TakenJob) -> Delivery:
    """A job that is not read: it holds no data, or too much."""
    attempts = 1 + taken.deaths + taken.retries
    if not taken.oversize:
        failure = Failure.of_payload(InvalidEvent.unreadable(_NO_DATA[JobHash(taken.hash)]))
    elif taken.hash == JobHash.LONG_ID:
        failure = _long_id(taken.id, taken.oversize)
    else:
        return Delivery.cut_short(
            taken.id,
            taken.data or b"",
            size=taken.oversize.bytes,
            sha1=taken.oversize.sha1,
            kept_at=JOB_PREFIX + taken.id,
            attempts=attempts,
        )
    return Delivery(taken.id, b"", None, failure, attempts)


def _long_id(beginning: str, oversize: Oversize) -> Failure:
    text = f"a job's id may take at most {MAX_ID_BYTES} bytes; found {oversize.bytes} bytes"
    detail = {
        "code": "id_too_long",
        "size": oversize.bytes,
        "sha1": oversize.sha1,
        "kept_at": f"{JOB_PREFIX}{beginning}…",
    }
    kind = FailureKind.INVALID_PAYLOAD
    return Failure(kind, f"{text}; the job is still in Redis", text, "id_too_long", (detail,))


def _abandoned(deaths: int) -> Failure:
    text = f"{deaths} workers died with this event in hand; replay it once it is known why"
    return Failure(FailureKind.ABANDONED, text, text)


def retry_delay(retries: int, settings: Settings) -> float:
    """Seconds until an event is tried again: doubling, with jitter against crowds."""
    return float(settings.retry_delay * 2**retries * random.uniform(0.75, 1.25))


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
    _reading: Reading | None = None

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

    def read(self, max_redeliveries: int) -> None:
        """Step 3, first half: find and validate the events in the jobs."""
        with self.report.timed("read"):
            there = [job for job in self.jobs if not job.missing]
            self.deliveries = [_unreadable(job) for job in there if job.hash != JobHash.JOB]
            self._reading = Reading(_jobs(there, max_redeliveries))

    def canonicalize(self) -> None:
        """Step 3, second half, unless it is done: what Postgres is to be told of each event."""
        if self._reading is not None:
            with self.report.timed("read"):
                self.deliveries += self._reading.deliveries()
                self._reading = None
