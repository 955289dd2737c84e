"""The status of queue, workers, ledger, dead letters, outbox and second database."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.feed_lag import ReaderState, readers
from signoff_db.operations.table import count_open, has_runner, may_read
from signoff_db.reading import Overview, count_causes, overview, recent_deaths, snapshot
from signoff_db.webhooks import Webhook, webhooks
from signoff_ops.contexts import Reach, contexts_reach
from signoff_ops.operations import RUNNER_AWAY_AFTER
from signoff_ops.outbox import MOST_LOOKED_AT
from signoff_ops.refused import ValidNow, valid_now
from signoff_ops.servers import Servers
from signoff_ops.unavailable import Unavailable
from signoff_queue.pausing import Pause, pause_of
from signoff_queue.reader import Counts, QueueReader, age
from signoff_queue.workers import WorkerState
from signoff_relay.table import OutboxOverview, OutboxWaiting

MOST_CAUSES: Final = 1000
"""So many causes are counted."""
MOST_DEATHS: Final = 1000
"""So many letters of events with which workers died are counted."""
_MOST_OPERATIONS: Final = 1000


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """The status of the queue and of its workers, in Redis."""

    queue: str
    counts: Counts
    oldest_waiting: timedelta | None
    """How long the job at the head has waited; None if no job waits, or that is not known."""
    next_retry_at: datetime | None
    workers: tuple[WorkerState, ...]
    pause: Pause | None
    """None if workers are not paused."""


@dataclass(frozen=True, slots=True)
class Status:
    """The status of all servers; None for a server that could not be read."""

    queue: QueueStatus | None
    state: Overview | None
    readers: tuple[ReaderState, ...] | None
    """The readers of the feed."""
    webhooks: tuple[Webhook, ...] | None
    outbox: OutboxOverview | None
    """None also if there is no outbox."""
    outbox_waiting: OutboxWaiting | None
    """None also if there is no outbox, or an earlier release made it."""
    causes: int | None
    """Causes of the open dead letters; `MOST_CAUSES` is that many or more."""
    away: dict[str, str]
    """Why a server could not be read, by its name."""
    recent_deaths: int | None = None
    """Events with which workers died in the last hour; `MOST_DEATHS` is that many or more."""
    operations_without_runner: int | None = None
    """Operations that have not ended, if no process is there that runs them; else 0.

    None also if the role may not read them.
    """
    refused_valid_now: ValidNow | None = None
    """Of the events that the queue refuses; None also if it refuses none."""
    contexts: Reach | None = None
    """How far the contexts of the second database reach; None also if none is set."""

    @property
    def outbox_oldest_waiting(self) -> timedelta | None:
        """How long the oldest event has waited in the outbox; None where none does."""
        return age(self.outbox.oldest_waiting_at) if self.outbox else None


def status(servers: Servers) -> Status:
    """Read every server; the others are read although one is unavailable."""
    unavailable = Unavailable()
    queue = unavailable.collect("redis", lambda: queue_status(servers))
    of_postgres = unavailable.collect("postgres", lambda: _state(servers))
    read = of_postgres or _OfPostgres(None, None, None, None, None, None)
    of_outbox = None
    if of_postgres or servers.settings.outbox_url:  # otherwise it is in the unavailable database
        of_outbox = unavailable.collect("outbox", lambda: _outbox(servers))
    outbox, waiting, refused_valid_now = of_outbox or (None, None, None)
    contexts = None
    if servers.settings.rapport_url:
        contexts = unavailable.collect("rapport", lambda: contexts_reach(servers))
    return Status(
        queue,
        read.state,
        read.readers,
        read.webhooks,
        outbox,
        waiting,
        read.causes,
        unavailable.reasons,
        read.recent_deaths,
        read.operations_without_runner,
        refused_valid_now,
        contexts,
    )


def queue_status(servers: Servers) -> QueueStatus:
    """The part of Redis.

    Raises:
        RedisUnavailableError: it cannot be reached, or refused.
    """
    settings = servers.settings
    with servers.redis() as client:
        reader = QueueReader(client, settings.queue)
        counts, next_retry_at = reader.counted()
        return QueueStatus(
            settings.queue,
            counts,
            age(reader.oldest_waiting()),
            next_retry_at,
            tuple(reader.workers(silent_after=settings.redeliver_after)),
            pause_of(client),
        )


class _OfPostgres(NamedTuple):
    """What is read in one snapshot; the names are those of `Status`."""

    state: Overview | None
    readers: tuple[ReaderState, ...] | None
    webhooks: tuple[Webhook, ...] | None
    causes: int | None
    recent_deaths: int | None
    operations_without_runner: int | None


def _state(servers: Servers) -> _OfPostgres:
    with servers.database() as connection, snapshot(connection):
        return _OfPostgres(
            overview(connection),
            tuple(readers(connection)),
            tuple(webhooks(connection)),
            count_causes(connection, most=MOST_CAUSES),
            recent_deaths(connection, most=MOST_DEATHS),
            _without_runner(connection),
        )


def _without_runner(connection: Connection[TupleRow]) -> int | None:
    if not may_read(connection):
        return None
    if has_runner(connection, RUNNER_AWAY_AFTER):
        return 0
    return count_open(connection, most=_MOST_OPERATIONS)


def _outbox(
    servers: Servers,
) -> tuple[OutboxOverview, OutboxWaiting | None, ValidNow | None] | None:
    with servers.outbox() as table:
        if table is None:
            return None
        found = table.overview()
        return (
            found,
            None if table.lacking() else table.waiting(MOST_LOOKED_AT),
            valid_now(table) if found.refused else None,
        )
