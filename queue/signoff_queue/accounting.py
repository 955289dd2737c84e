"""Account for every job in Redis: each is on a list, and each list names jobs that are there.

Jobs move while they are counted. What looks out of place is therefore looked at again, alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from signoff_queue.reader import Counts, Place, QueueReader
from signoff_schemas.keys import JOB_PREFIX

_LOOKS: Final = 5


@dataclass(frozen=True, slots=True)
class QueueAccount:
    """The jobs of one queue."""

    counts: Counts
    unlisted_jobs: tuple[str, ...]
    """Jobs that no list names: no worker will find them."""
    missing: tuple[str, ...]
    """Ids on a list whose job is gone: the event in it is lost."""
    missing_jobs: tuple[str, ...]
    """Ids that workers took and found no job of; Postgres knows whether they were applied."""


def account_for(reader: QueueReader) -> QueueAccount:
    """Compare the jobs that Redis keeps with those that the queue's lists name."""
    kept = set(reader.kept())
    listed = set(reader.listed())

    def is_unlisted(job_id: str) -> bool:
        place = reader.place_of(job_id)
        return place is not None and place[0] is Place.UNLISTED

    def is_missing(job_id: str) -> bool:
        place = reader.place_of(job_id)
        return place is not None and not reader.client.exists(JOB_PREFIX + job_id)

    return QueueAccount(
        counts=reader.counts(),
        unlisted_jobs=_lasting(kept - listed, is_unlisted),
        missing=_lasting(listed - kept, is_missing),
        missing_jobs=tuple(sorted(set(reader.missing_jobs()) - kept)),
    )


def _lasting(suspects: set[str], holds: Callable[[str], bool]) -> tuple[str, ...]:
    """Those for which it holds however often one looks."""
    return tuple(sorted(job_id for job_id in suspects if all(holds(job_id) for _ in range(_LOOKS))))
