"""Read the entries of a queue's workers in Redis. An entry may hold anything."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from redis import Redis
from rq.worker import BaseWorker, WorkerStatus
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from signoff_queue.scripts import Script
from signoff_schemas.keys import HEALTH

SILENT: Final = "silent"
"""The state of a worker whose heartbeats have stopped."""
_MOST: Final = 1000
_SHORT: Final = 200
_FIELDS: Final = {
    "hostname": _SHORT,
    "pid": 20,
    "last_heartbeat": 40,
    "state": 40,
    "successful_job_count": 18,
    "failed_job_count": 18,
    HEALTH: 4096,
}
"""The fields that are read of a worker's hash, and the most bytes of each."""


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A worker's entry in RQ's registry."""

    name: str
    state: str
    """The worker's state in RQ; `silent` if the worker died or hangs."""
    host: str | None
    pid: int | None
    last_heartbeat: datetime | None
    heartbeat_age: timedelta | None
    successful: int
    failed: int
    live: bool
    """Whether its main loop makes progress; for a stock RQ worker, whether it sends heartbeats."""
    ready: bool
    """Whether it applies what it takes."""
    waits_for: str | None
    """What it waits for when it is not ready; a stock RQ worker does not report this."""


def registered_workers(redis: Redis, queue: str, *, silent_after: float) -> list[WorkerState]:
    """The workers of the queue by name, at most a thousand.

    RQ keeps the entry of a killed worker for minutes. A worker counts as silent after
    `silent_after` seconds without a heartbeat.
    """
    prefix = BaseWorker.redis_worker_namespace_prefix
    limits: list[str | bytes | float] = [value for field in _FIELDS.items() for value in field]
    found = Script(redis, "workers")([WORKERS_BY_QUEUE_KEY % queue], [_MOST, prefix, *limits])
    states = [
        _worker(_text(key).removeprefix(prefix), fields, silent_after) for key, *fields in found
    ]
    return sorted(states, key=lambda worker: worker.name)


def _worker(name: str, fields: list[bytes | None], silent_after: float) -> WorkerState:
    host, pid, heartbeat, state, successful, failed, reported = fields
    last = moment(heartbeat)
    since = None if last is None else datetime.now(UTC) - last
    silent = since is None or since.total_seconds() > silent_after
    health = _health(reported)
    suspended = state == WorkerStatus.SUSPENDED.encode()
    waits_for = health.get("waits_for")
    return WorkerState(
        name=name,
        state=SILENT if silent else _text(state or b"unknown"),
        host=_text(host) if host else None,
        pid=_number(pid) or None,
        last_heartbeat=last,
        heartbeat_age=since,
        successful=_number(successful),
        failed=_number(failed),
        live=not silent and health.get("live", True) is True,
        ready=not silent and health.get("ready", not suspended) is True,
        waits_for=waits_for if isinstance(waits_for, str) and not silent else None,
    )


def _health(reported: bytes | None) -> dict[str, Any]:
    try:
        health = json.loads(reported or b"{}")
    except (ValueError, RecursionError):
        return {}
    return health if isinstance(health, dict) else {}


def moment(value: bytes | None) -> datetime | None:
    """An instant in RQ's format; None if the text is not one."""
    try:
        return datetime.fromisoformat(_text(value or b"")).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _number(value: bytes | None) -> int:
    text = _text(value or b"")
    return int(text) if text.isascii() and text.isdigit() else 0


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")
