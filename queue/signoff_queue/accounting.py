"""Account for every job in Redis: find unlisted jobs and missing jobs.

Jobs move while they are counted. So a job that seems unlisted or missing is checked several
times. However many jobs there are, a bounded number of ids is in memory, beside those that are
reported.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

from signoff_queue.batch_queue import text_of
from signoff_queue.reader import Counts, QueueReader
from signoff_queue.scripts import Script
from signoff_schemas.keys import JOB_PREFIX

T = TypeVar("T")
_LOOKS: Final = 6
_PAGE: Final = 1000
_CHUNK: Final = 500_000
"""Jobs that are compared with the lists at a time; each time reads all lists."""


@dataclass(frozen=True, slots=True)
class QueueAccount:
    """The jobs of one queue."""

    counts: Counts
    unlisted_jobs: tuple[str, ...]
    """Jobs that exist but are on no list: no worker will find them."""
    missing: tuple[str, ...]
    """Ids on a list whose job does not exist: its event is lost."""
    missing_jobs: tuple[str, ...]
    """Ids that workers took and whose job did not exist; Postgres shows if they were applied."""


def account_for(reader: QueueReader) -> QueueAccount:
    """Compare the jobs that Redis keeps with those that the queue's lists name."""
    unlisted: set[str] = set()
    missing_jobs = set(map(text_of, reader.missing_jobs()))
    for kept in _pages(reader.kept(), _CHUNK):
        unlisted |= _unlisted(reader, set(kept))
        missing_jobs.difference_update(kept)
    return QueueAccount(
        counts=reader.counts(),
        unlisted_jobs=tuple(sorted(unlisted)),
        missing=tuple(sorted(_missing(reader))),
        missing_jobs=tuple(sorted(missing_jobs)),
    )


def _unlisted(reader: QueueReader, job_ids: set[str]) -> set[str]:
    """Those of the jobs that exist, and that no list names."""
    for _ in range(_LOOKS):
        for page in _pages(reader.listed()):
            job_ids.difference_update(page)
        if not job_ids:
            break
        job_ids = _existing(reader, job_ids)
    return job_ids


def _missing(reader: QueueReader) -> set[str]:
    """Ids that a list names and whose job does not exist."""
    missing: set[str] = set()
    for look in range(_LOOKS):
        absent: set[str] = set()
        for page in _pages(reader.listed()):
            named = missing.intersection(page) if look else set(page)
            absent |= named - _existing(reader, named)
        missing = absent
        if not missing:
            break
    return missing


def settle_missing(reader: QueueReader, job_ids: Collection[str]) -> int:
    """Remove missing jobs from the set: those in `job_ids`, which are settled, and existing ones.

    Returns:
        How many ids were removed from the set.
    """
    forgotten = 0
    for page in _pages(reader.missing_jobs()):
        there = _existing(reader, {text_of(job_id) for job_id in page})
        settled = [i for i in page if text_of(i) in job_ids or text_of(i) in there]
        if settled:
            forgotten += reader.client.srem(reader.keys.missing_jobs, *settled)
    return forgotten


def _existing(reader: QueueReader, job_ids: Collection[str]) -> set[str]:
    """Those of the ids whose job's key exists."""
    there: set[str] = set()
    look = Script(reader.client, "existing")
    for page in _pages(job_ids):
        there.update(page[place - 1] for place in look([], [JOB_PREFIX, *page]))
    return there


def _pages(items: Iterable[T], size: int = _PAGE) -> Iterator[list[T]]:
    each = iter(items)
    while page := list(islice(each, size)):
        yield page
