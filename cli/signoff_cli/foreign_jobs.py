"""Broken jobs, as an upstream that knows neither Python nor Signoff's library might write them.

`signoff demo` puts them on the queue with two commands of Redis, which is all it takes.
"""

import json
import pickle
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import redis

from signoff_schemas import FUNCTION, encode_job
from signoff_schemas.keys import JOB_PREFIX, QueueKeys


def put_foreign_jobs(client: redis.Redis, queue: str, published: dict[str, Any]) -> int:
    """Put broken jobs on the queue; `published` is an event that has been applied already.

    Returns:
        How many.
    """
    jobs = list(_jobs(published))
    for job_id, data in jobs:
        client.hset(JOB_PREFIX + job_id, mapping={"data": data, "origin": queue})
        client.rpush(QueueKeys(queue).waiting, job_id)
    return len(jobs)


def _jobs(published: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Each with its id and its data."""
    for number in range(1, 4):
        event_id = str(UUID(int=number))
        event = _EVENT | {"event_id": event_id, "quality_score": "5"}
        yield event_id, _encoded(event)
    newer = str(UUID(int=4))
    yield newer, _encoded(_EVENT | {"event_id": newer, "schema_version": 2})
    yield "mail-17", json.dumps(["crm.tasks.send_mail", None, ["user-0001"], {}]).encode()
    yield "torn-1", f'["{FUNCTION}", null, [{{"event_id": "0000'.encode()
    yield "old-worker-1", pickle.dumps((FUNCTION, None, [_EVENT], {}))
    yield (
        "other-content-1",
        _encoded(published | {"quality_score": 1, "reviewer_notes": "second look"}),
    )


def _encoded(event: dict[str, Any]) -> bytes:
    return encode_job(json.dumps(event).encode())


_EVENT: Final = {
    "occurred_at": "2025-06-01T12:00:00Z",
    "interaction_id": "00000000-0000-4000-8000-00000000cccc",
    "user_id": "user-0007",
    "final_bubbles": ["see you at eight"],
    "quality_score": 4,
    "customer_status": "CUSTOMER",
    "ltv_amount": "35.00",
}
