"""Move RQ's failed jobs to the dead letters, where nothing expires.

RQ's failed registry holds jobs that failed in its own workers, or whose worker died. `drain.lua`
puts those there whose id is too long to be read.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager

from signoff_db.apply import apply
from signoff_db.connection import BatchConnection, DatabaseUnavailableError
from signoff_queue.failed_jobs import FailedJobs
from signoff_worker.reading import deliveries_of_failed

log = logging.getLogger("signoff.worker")


def sweep_failed(
    failed: FailedJobs, connected: Callable[[], AbstractContextManager[BatchConnection]]
) -> int:
    """Write some of the queue's failed jobs into the dead letters, then delete them in Redis.

    If the worker dies in between, this is repeated, with the same effect: the same bytes of a job
    are one dead letter.

    Returns:
        How many were swept; none while Postgres is unavailable.
    """
    jobs = failed.some()
    if not jobs:
        return 0
    deliveries = deliveries_of_failed([(one.job, one.reason) for one in jobs])
    try:
        with connected() as connection:
            apply(connection, deliveries)
    except DatabaseUnavailableError as error:
        log.warning("failed jobs of RQ are not swept, since Postgres is unavailable: %s", error)
        return 0
    failed.forget(jobs)
    return len(deliveries)
