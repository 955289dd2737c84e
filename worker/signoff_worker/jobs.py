"""The function that a job of the queue names.

`ApprovalWorker` never calls it: it applies whole batches. It is here for stock RQ workers, which
run jobs one at a time; events take the same way and end in the same tables.
"""

import json
from functools import cache
from typing import Any

from rq import Retry, get_current_job

from signoff_db.apply import apply
from signoff_db.connection import (
    BatchConnection,
    connect_for_batches,
)
from signoff_db.delivery import Delivery
from signoff_schemas import Settings
from signoff_worker.batch import retry_delay


def apply_approval(event: dict[str, Any]) -> str | Retry:
    """Apply one approval event; a failure is a dead letter in Postgres, not a failed job of RQ.

    Returns:
        The verdict or the failure kind; `Retry` while the event may yet succeed.

    Raises:
        DatabaseUnavailableError: Postgres is away; RQ then counts the job as failed, and Signoff's
            workers sweep it into the dead letters.
    """
    settings = Settings.load()
    job = get_current_job()
    delivery = (
        Delivery.of_job(job.id, job.data, retries=job.number_of_retries or 0)
        if job
        else Delivery.of_payload(str(event.get("event_id")), json.dumps(event).encode())
    )
    (outcome,) = apply(
        _connection(settings.require("database_url")),
        [delivery],
        retries=settings.retry_attempts if job else 0,
    )
    if outcome.retry:
        seconds = max(1, round(retry_delay(delivery.retries, settings)))
        return Retry(max=settings.retry_attempts, interval=seconds)
    return outcome.word


@cache
def _connection(database_url: str) -> BatchConnection:
    return connect_for_batches(database_url, application="signoff stock worker")
