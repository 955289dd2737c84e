"""Find events of the outbox that Redis lost, and publish them again.

An event is lost if a relay published it, or the queue refused it, and it is neither in Redis, nor
in the ledger, nor a dead letter of the same content. Redis is read first: a worker removes a job
from Redis only after its event is committed, so an event that is settled meanwhile is found in
Postgres. Publishing an event that was not lost is harmless: it takes effect once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.locations import EventLocations, locate_events
from signoff_producer import Producer
from signoff_queue.accounting import account_for
from signoff_queue.reader import QueueReader
from signoff_relay.accounted import has_letter, is_applied
from signoff_relay.delivery import mark, publish
from signoff_relay.table import Entry, OutboxTable
from signoff_schemas.keys import JOB_PREFIX

_EXAMPLES: Final = 10


@dataclass(slots=True)
class Reconciled:
    """The places of the events that a relay has handled, and the results for lost ones."""

    looked_at: int = 0
    queued: int = 0
    """In Redis: waiting, in flight, or scheduled."""
    settled: int = 0
    """In the ledger, or a dead letter."""
    lost: int = 0
    examples: list[UUID] = field(default_factory=list)
    """The first few that were lost."""
    published: int = 0
    """Lost ones that are on the queue again."""
    refused: int = 0
    """Lost ones that the queue refuses."""


class Reconciler:
    """Compares the outbox with Redis and Postgres, a page at a time."""

    def __init__(
        self, table: OutboxTable, queue: QueueReader, database: Connection[TupleRow]
    ) -> None:
        self._table = table
        self._queue = queue
        self._database = database
        self._unlisted_jobs: frozenset[str] = frozenset()
        self.done = Reconciled()

    def run(self, producer: Producer | None) -> None:
        """Check every event; with a producer, publish the lost ones again.

        Raises:
            QueueFull, QueueUnavailableError: the queue did not take all events; `done` counts what
                was done, and another run does the rest.
        """
        self._unlisted_jobs = frozenset(account_for(self._queue).unlisted_jobs)
        for page in self._table.pages():
            lost = self._lost(page)
            if producer and lost:
                self._publish(producer, [event.event_id for event in lost])

    def _lost(self, page: Sequence[Entry]) -> list[Entry]:
        absent = self._absent(page)
        found = locate_events(self._database, [event.event_id for event in absent])
        lost = [event for event in absent if not _is_settled(event, found)]
        self.done.looked_at += len(page)
        self.done.queued += len(page) - len(absent)
        self.done.settled += len(absent) - len(lost)
        self.done.lost += len(lost)
        room = _EXAMPLES - len(self.done.examples)
        self.done.examples += [event.event_id for event in lost[:room]]
        return lost

    def _absent(self, page: Sequence[Entry]) -> list[Entry]:
        """Events that no worker will get from Redis: their job is missing or unlisted."""
        with self._queue.client.pipeline(transaction=False) as pipe:
            for event in page:
                pipe.exists(f"{JOB_PREFIX}{event.event_id}")
            held = pipe.execute()
        return [
            event
            for event, there in zip(page, held, strict=True)
            if not there or str(event.event_id) in self._unlisted_jobs
        ]

    def _publish(self, producer: Producer, events: Sequence[UUID]) -> None:
        """Publish the events; put unlisted jobs, which are duplicates to `publish`, on the list."""
        with self._table.connection.transaction():
            delivery = publish(producer, self._table.claim_again(events))
            mark(self._table, delivery)
        unlisted = self._unlisted_jobs.intersection(
            str(waiting.event_id) for waiting in delivery.published
        )
        if unlisted:
            self._queue.client.rpush(self._queue.keys.waiting, *unlisted)
        self.done.published += len(delivery.published)
        self.done.refused += len(delivery.refused)
        if delivery.trouble:
            raise delivery.trouble


def _is_settled(event: Entry, found: EventLocations) -> bool:
    return is_applied(event, found) or has_letter(event, found)
