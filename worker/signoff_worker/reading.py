"""Step 3 of a batch: each job becomes a delivery, with its event or a failure."""

from collections.abc import Callable, Sequence
from typing import Final

from signoff_db.delivery import Delivery, Job, begin_reading, read_jobs
from signoff_db.failure import Failure
from signoff_queue.batch_queue import MAX_ID_BYTES, JobHash, Oversize, TakenJob
from signoff_schemas import FailureKind, InvalidEvent
from signoff_schemas.keys import JOB_PREFIX

_JOB: Final = int(JobHash.JOB)
"""Compared with each job: to look up the member of an enum takes longer than the comparison."""
_READ_ELSEWHERE: Final = frozenset({JobHash.JOB, JobHash.MISSING, JobHash.LONG_ID})
_NO_DATA: Final = {
    JobHash.NO_DATA: "the job's hash has no data",
    JobHash.NO_HASH: "the job's key holds no hash",
}


def begin_reading_taken(
    taken: Sequence[TakenJob], max_redeliveries: int
) -> Callable[[], list[Delivery]]:
    """Validate all jobs that exist; the result makes deliveries of them (`begin_reading`).

    No content of a job raises an error. Jobs whose id is too long are left out: the sweep of failed
    jobs reads them.
    """
    jobs = [
        Job(
            job.id,
            job.data,
            1 + job.deaths + job.retries,
            job.retries,
            _abandoned(job.deaths) if job.deaths > max_redeliveries else None,
        )
        for job in taken
        if job.hash == _JOB and job.data is not None
    ]
    others = [job for job in taken if job.hash not in _READ_ELSEWHERE]
    finish = begin_reading(jobs)
    return lambda: [*map(_unreadable, others), *finish()]


def deliveries_of_failed(failed: Sequence[tuple[TakenJob, str | None]]) -> list[Delivery]:
    """Read jobs that failed in RQ, each with RQ's reason."""
    jobs = [
        Job(job.id, job.data, failure=_given_up(reason))
        for job, reason in failed
        if job.hash == JobHash.JOB and job.data is not None
    ]
    others = [job for job, _ in failed if job.hash not in {JobHash.JOB, JobHash.MISSING}]
    return [*map(_unreadable, others), *read_jobs(jobs)]


def _unreadable(taken: TakenJob) -> Delivery:
    """A delivery for a job without data, or with too much data to be read."""
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
    message = f"{text}; its job, if there is one, is still in Redis"
    return Failure(kind, message, text, "id_too_long", (detail,))


def _abandoned(deaths: int) -> Failure:
    text = f"{deaths} workers died with this event in hand; replay it once it is known why"
    return Failure(FailureKind.ABANDONED, text, text)


def _given_up(reason: str | None) -> Failure:
    return Failure(
        FailureKind.ABANDONED,
        f"RQ gave this job up: {reason or 'no reason was noted'}",
        "RQ gave this job up",
        "rq",
    )
