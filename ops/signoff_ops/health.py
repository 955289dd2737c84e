"""Whether workers are live and ready: as they report to Redis, or as one answers on its port.

And whether a reader of the feed is, by the row in which it notes how far it has read.
"""

import http.client
import json
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from signoff_db.feed_lag import readers
from signoff_ops.checks import Grade
from signoff_ops.feed_check import reader_check
from signoff_ops.servers import Servers
from signoff_queue.reader import QueueReader, age
from signoff_queue.workers import WorkerState
from signoff_schemas.wording import ago, printable

_TIMEOUT: Final = 5
_MOST_BYTES: Final = 65_536
"""The most bytes of an answer; a report has a few hundred."""
_SILENT: Final = timedelta(minutes=3)
"""A reader that noted nothing for longer does not run: it notes its position each minute."""


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """One worker. Live: its main loop makes progress. Ready: it can apply events."""

    worker: str | None
    """Its name; None if no worker answered."""
    host: str | None
    pid: int | None
    live: bool
    ready: bool
    waits_for: str | None
    """What it waits for; None if it is ready."""


@dataclass(frozen=True, slots=True)
class ReaderHealth:
    """One reader of the feed. Live: an instance runs. Ready: it reads what is applied.

    One that wrote down why it cannot go on counts as live: starting it again would cure nothing.
    """

    reader: str
    live: bool
    ready: bool
    waits_for: str | None
    """What is wrong; None if it is ready."""


def reader_health(servers: Servers, name: str) -> ReaderHealth:
    """The reader of this name, all its instances together.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
        SettingsError: it is not set, or lacks Signoff's tables.
    """
    with servers.database() as connection:
        known = {reader.name: reader for reader in readers(connection)}
    reader = known.get(name)
    if reader is None:
        there = ", ".join(printable(one) for one in known) or "none"
        reason = f"no reader of this name has run; there are: {there}"
        return ReaderHealth(name, live=False, ready=False, waits_for=reason)
    silent = age(reader.updated_at)
    if reader.failure is None and silent is not None and silent > _SILENT:
        reason = f"it noted nothing for {ago(silent)}: no instance runs, or a server is away"
        return ReaderHealth(name, live=False, ready=False, waits_for=reason)
    check = reader_check(reader)
    if check.grade != Grade.OK:
        return ReaderHealth(name, live=True, ready=False, waits_for=check.text)
    return ReaderHealth(name, live=True, ready=True, waits_for=None)


def registered_workers(servers: Servers) -> list[WorkerHealth]:
    """All workers of the queue, as they report to Redis.

    Raises:
        RedisUnavailableError: Redis cannot be reached, or refused.
    """
    settings = servers.settings
    with servers.redis() as client:
        reader = QueueReader(client, settings.queue)
        return list(map(_of_state, reader.workers(silent_after=settings.redeliver_after)))


def worker_on_port(host: str, port: int) -> WorkerHealth:
    """One worker, by its answer over HTTP; without an answer it is neither live nor ready."""
    try:
        with closing(http.client.HTTPConnection(host, port, timeout=_TIMEOUT)) as connection:
            connection.request("GET", "/ready")
            report: dict[str, Any] = json.loads(connection.getresponse().read(_MOST_BYTES))
            return WorkerHealth(
                str(report["worker"]),
                host,
                None,
                report["live"] is True,
                report["ready"] is True,
                None if report["waits_for"] is None else str(report["waits_for"]),
            )
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
        reason = f"no worker answers on http://{host}:{port}/ready: {_described(error)}"
        return WorkerHealth(None, host, None, live=False, ready=False, waits_for=reason)


def _described(error: Exception) -> str:
    """The message of the system; a parser's message would quote its input."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "what answers is no report of a worker's health"


def _of_state(worker: WorkerState) -> WorkerHealth:
    waits_for = worker.waits_for
    if worker.heartbeat_age and not worker.live and not waits_for:
        waits_for = f"no heartbeat for {worker.heartbeat_age.total_seconds():.0f} s"
    return WorkerHealth(worker.name, worker.host, worker.pid, worker.live, worker.ready, waits_for)
