"""The data of `signoff demo`: broken jobs of another upstream, and rows of the reviewed system."""

import json
import pickle
import re
from collections.abc import Iterator
from datetime import date
from typing import Any, Final
from uuid import UUID

from signoff_db import reading
from signoff_db.sql import statement
from signoff_ops.servers import Servers
from signoff_queue.reader import QueueReader
from signoff_schemas import FUNCTION, encode_job
from signoff_schemas.keys import JOB_PREFIX, QueueKeys


def example_until(lines: bytes, last_day: date) -> bytes:
    """The lines of the example as if the last of its events had occurred on this day.

    So its customers are those of the last twelve months, whenever the demo is shown: rules about
    silent customers would find all of them otherwise.
    """
    days = [date.fromisoformat(found.decode()) for found in _DAY.findall(lines)]
    later = last_day - max(days)

    def moved(found: re.Match[bytes]) -> bytes:
        return (date.fromisoformat(found[0].decode()) + later).isoformat().encode()

    return _DAY.sub(moved, lines)


def put_foreign_jobs(servers: Servers, published: dict[str, Any]) -> int:
    """Put broken jobs on the queue, as an upstream without Signoff's library might write them.

    Args:
        servers: with the queue.
        published: an event that has been applied already.

    Returns:
        The number of jobs.

    Raises:
        RedisUnavailableError: Redis cannot be reached.
    """
    queue = servers.settings.queue
    jobs = list(_jobs(published))
    with servers.redis() as client:
        for job_id, data in jobs:
            client.hset(JOB_PREFIX + job_id, mapping={"data": data, "origin": queue})
            client.rpush(QueueKeys(queue).waiting, job_id)
    return len(jobs)


def insert_interaction(servers: Servers, interaction_id: str, user_id: str, ltv_usd: str) -> None:
    """Insert a row for a customer, as the reviewed system does.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    parameters = {"interaction_id": interaction_id, "user_id": user_id, "ltv_usd": ltv_usd}
    with servers.database() as connection:
        connection.execute(statement("insert_interaction", "signoff_ops"), parameters)


def latest_event(servers: Servers, user_id: str) -> str:
    """The event_id of the latest event of a customer who has one.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    with servers.database() as connection:
        (latest,) = reading.ledger_of(connection, user_id=user_id, limit=1).items
    return str(latest.event_id)


def unsettled_jobs(servers: Servers) -> int:
    """How many jobs wait, are in flight or scheduled.

    Raises:
        RedisUnavailableError: Redis cannot be reached.
    """
    with servers.redis() as client:
        counts = QueueReader(client, servers.settings.queue).counts()
    return counts.waiting + counts.in_flight + counts.scheduled


def _jobs(published: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """The jobs: the id and the data of each."""
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


_DAY: Final = re.compile(rb'(?<="occurred_at": ")\d{4}-\d\d-\d\d')

_EVENT: Final = {
    "occurred_at": "2025-06-01T12:00:00Z",
    "interaction_id": "00000000-0000-4000-8000-00000000cccc",
    "user_id": "user-0007",
    "final_bubbles": ["see you at eight"],
    "quality_score": 4,
    "customer_status": "CUSTOMER",
    "ltv_amount": "35.00",
}
