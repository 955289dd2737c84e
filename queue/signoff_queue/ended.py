"""Which jobs have ended: no worker will take them any more."""

from collections.abc import Sequence
from typing import Final

import redis

from signoff_schemas.keys import JOB_PREFIX

_ENDED: Final = {None, b"finished", b"canceled", "finished", "canceled"}
"""The status of a job that has ended. Signoff's workers delete it, which leaves None; stock workers
keep it for some time."""


def ended(client: redis.Redis, job_ids: Sequence[str]) -> list[bool]:
    """Whether each job has ended, in one round trip."""
    with client.pipeline(transaction=False) as pipe:
        for job_id in job_ids:
            pipe.hget(JOB_PREFIX + job_id, "status")
        statuses = pipe.execute(raise_on_error=False)
    return [not isinstance(status, Exception) and status in _ENDED for status in statuses]
