"""The functions that jobs of the queue name.

`ApprovalWorker` never calls them: it applies whole batches. They are here for stock RQ workers,
which run one job at a time; the events are applied in the same way.
"""

import atexit
import json
from typing import Any, Final

from rq import Retry, get_current_job

from signoff_db.apply import apply
from signoff_db.connection import (
    BatchConnection,
    DatabaseUnavailableError,
    connect_for_batches,
)
from signoff_db.delivery import Delivery, Job
from signoff_schemas import ApprovalEvent, Kind, StatusDecision, WorkerSettings
from signoff_worker.retries import retry_delay

_OUTAGE_RETRIES: Final = 1_000_000
"""Retries of a job in an outage; an outage is not the event's fault, so there are many."""
_OUTAGE_PAUSE: Final = 5


def apply_approval(event: dict[str, Any]) -> str | Retry:
    """Apply one approval event; a failure is a dead letter in Postgres, not a failed job of RQ.

    Returns:
        The verdict or the failure kind; `Retry` if it may succeed later, or in an outage.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable, and no RQ worker called this.
    """
    return _apply(event, ApprovalEvent)


def apply_status_decision(event: dict[str, Any]) -> str | Retry:
    """Apply one status decision, as `apply_approval` does an approval."""
    return _apply(event, StatusDecision)


def _apply(event: dict[str, Any], kind: Kind) -> str | Retry:
    settings = WorkerSettings.load()
    job = get_current_job()
    delivery = (
        Delivery.of_job(Job(job.id, job.data, retries=job.number_of_retries or 0))
        if job
        else Delivery.of_payload(str(event.get("event_id")), json.dumps(event).encode(), kind)
    )
    try:
        (outcome,) = apply(
            _connection(settings.require("database_url")),
            [delivery],
            retries=settings.retry_attempts if job else 0,
        )
    except DatabaseUnavailableError:
        if job is None:
            raise
        return Retry(max=_OUTAGE_RETRIES, interval=_OUTAGE_PAUSE)
    if outcome.retry:
        seconds = max(1, round(retry_delay(delivery.retries, settings)))
        return Retry(max=settings.retry_attempts, interval=seconds)
    return outcome.result


def _connection(database_url: str) -> BatchConnection:
    """The connection of this process; a new one if it was lost."""
    known = _connections.get(database_url)
    if known is None or known.closed:
        known = connect_for_batches(database_url, application="signoff stock worker")
        _connections[database_url] = known
    return known


@atexit.register
def _close() -> None:
    for known in _connections.values():
        known.close()


_connections: dict[str, BatchConnection] = {}
