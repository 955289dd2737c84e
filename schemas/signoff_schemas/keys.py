"""The names of RQ's keys in Redis, which publishers and workers share."""

from dataclasses import dataclass
from typing import Final

from rq.defaults import RQ_KEY_PREFIX

JOB_PREFIX: Final = f"{RQ_KEY_PREFIX}:job:"
"""The prefix of a job's key, before its id."""
RESULTS_PREFIX: Final = f"{RQ_KEY_PREFIX}:results:"
"""The prefix of the stream of a job's results, before its id; only stock workers write it."""
QUEUES: Final = f"{RQ_KEY_PREFIX}:queues"
"""The set of all queues' keys, by which RQ's tools find them."""
HEALTH: Final = "signoff_health"
"""The field of a worker's hash that holds its health report, as JSON: Signoff's own."""
SUSPENDED: Final = f"{RQ_KEY_PREFIX}:suspended"
"""Exists while workers are paused, by `signoff queue pause` or `rq suspend`."""


@dataclass(frozen=True, slots=True)
class QueueKeys:
    """The keys of one queue."""

    name: str

    @property
    def waiting(self) -> str:
        """List of job ids, the next one at the left."""
        return f"{RQ_KEY_PREFIX}:queue:{self.name}"

    @property
    def started(self) -> str:
        """Sorted set of `<job id>:<execution>`: RQ's registry of jobs in flight."""
        return f"{RQ_KEY_PREFIX}:wip:{self.name}"

    @property
    def scheduled(self) -> str:
        """Sorted set of job ids by due time, in seconds since the epoch: RQ's registry."""
        return f"{RQ_KEY_PREFIX}:scheduled:{self.name}"

    @property
    def failed(self) -> str:
        """Sorted set of job ids: RQ's registry of failed jobs."""
        return f"{RQ_KEY_PREFIX}:failed:{self.name}"

    @property
    def finished(self) -> str:
        """Sorted set of job ids by expiry: RQ's registry of jobs that stock workers finished."""
        return f"{RQ_KEY_PREFIX}:finished:{self.name}"

    @property
    def deferred(self) -> str:
        """Sorted set of job ids: RQ's registry of jobs that wait for others."""
        return f"{RQ_KEY_PREFIX}:deferred:{self.name}"

    @property
    def ready(self) -> str:
        """Sorted set of job ids: RQ's registry of jobs that waited for others and are due."""
        return f"{RQ_KEY_PREFIX}:ready:{self.name}"

    @property
    def canceled(self) -> str:
        """Sorted set of job ids: RQ's registry of canceled jobs."""
        return f"{RQ_KEY_PREFIX}:canceled:{self.name}"

    @property
    def intermediate(self) -> str:
        """List of job ids that a stock RQ worker took and has not started."""
        return f"{RQ_KEY_PREFIX}:queue:{self.name}:intermediate"

    @property
    def leases(self) -> str:
        """Sorted set of workers' lease tokens by expiry, in epoch seconds: Signoff's own."""
        return f"{RQ_KEY_PREFIX}:signoff:leases:{self.name}"

    @property
    def missing_jobs(self) -> str:
        """Set of job ids whose hash did not exist when a worker took them: Signoff's own."""
        return f"{RQ_KEY_PREFIX}:signoff:missing_jobs:{self.name}"

    @property
    def oversized(self) -> str:
        """Set of keys of jobs that are too large to be read and stay in Redis: Signoff's own."""
        return f"{RQ_KEY_PREFIX}:signoff:oversized:{self.name}"

    @property
    def settled(self) -> str:
        """Channel of the ids of jobs that workers settle: Signoff's own.

        Its name is one of RQ's channels, since those are what a worker's user may publish to.
        """
        return f"{RQ_KEY_PREFIX}:pubsub:signoff:settled:{self.name}"


def rate_key(sender: str, window: int) -> str:
    """The count of a sender's events in a window of time, a string that expires: Signoff's own."""
    return f"{RQ_KEY_PREFIX}:signoff:rate:{window}:{sender}"
