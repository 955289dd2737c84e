"""Account for every job in Redis: find unlisted jobs and missing jobs.

Jobs move while they are counted. So a job that seems unlisted or missing is checked several times.
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
_LOOKS: Final = 5
_PAGE: Final = 1000


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
    kept = set(reader.kept())
    listed = set(reader.listed())
    unlisted, missing = kept - listed, listed - kept
    for _ in range(_LOOKS):
        if not unlisted and not missing:
            break
        listed = set(reader.listed())
        unlisted = _existing(reader, unlisted - listed)
        missing = (missing & listed) - _existing(reader, missing & listed)
    return QueueAccount(
        counts=reader.counts(),
        unlisted_jobs=tuple(sorted(unlisted)),
        missing=tuple(sorted(missing)),
        missing_jobs=tuple(sorted(set(map(text_of, reader.missing_jobs())) - kept)),
    )


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


def _pages(items: Iterable[T]) -> Iterator[list[T]]:
    each = iter(items)
    while page := list(islice(each, _PAGE)):
        yield page
