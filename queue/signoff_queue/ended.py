"""Which jobs have ended: no worker will take them any more."""

from collections.abc import Sequence

import redis

from signoff_queue.scripts import Script
from signoff_schemas.keys import JOB_PREFIX


def ended(client: redis.Redis, job_ids: Sequence[str]) -> list[bool]:
    """Whether each job has ended, in one round trip."""
    found = set(Script(client, "ended")([], [JOB_PREFIX, *job_ids]))
    return [place in found for place in range(1, len(job_ids) + 1)]
