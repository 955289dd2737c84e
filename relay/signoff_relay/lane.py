"""Move events from the outbox to the queue, a batch at a time.

The steps of a batch, in one transaction of the outbox's database:

1. claim waiting events (`FOR UPDATE SKIP LOCKED`: no other relay claims the same events);
2. publish them;
3. mark the events that are on the queue and those that the queue refuses; commit.

A relay that dies before step 2 has changed nothing. If it dies after step 2, before step 3 is
committed, the events are published again. The queue finds these duplicates while the first jobs
wait there; the ledger finds them later.
"""

import logging
import math
import select
import threading
import time
from typing import Final

import psycopg
from psycopg import Notify

from signoff_db.connection import BatchConnection, DatabaseUnavailableError, connect_for_batches
from signoff_db.error_text import reason_of
from signoff_producer import Producer
from signoff_relay.connections import current, table_if_any
from signoff_relay.delivery import Delivery, mark, publish
from signoff_relay.table import CHANNEL, OutboxTable, Place, Waiting
from signoff_schemas import masked

log = logging.getLogger("signoff.relay")

_TURN: Final = 0.5
"""Seconds that a lane waits while another one publishes its batch, which takes far less."""
_RESTART_AFTER: Final = 100
"""After this many full batches a lane begins again at the oldest event."""


class Lane:
    """A connection to the outbox, opened when it is needed, and a producer that lanes may share."""

    def __init__(
        self,
        outbox_url: str,
        producer: Producer,
        *,
        most: int,
        turn: "threading.Lock | None" = None,
        turn_timeout: float = _TURN,
        listening: bool = False,
    ) -> None:
        """Takes settings for a single lane, or for one of several.

        Args:
            outbox_url: the database of the outbox.
            producer: lanes may share it.
            most: the events of a batch.
            turn: held by the lane that publishes, where several share it.
            turn_timeout: seconds to wait for another lane's turn; then it publishes all the same.
            listening: whether it listens for new events; then call `added` while it is idle.
        """
        self.most = most
        self.refused = 0
        """How many events the queue refused so far."""
        self._url = outbox_url
        self._producer = producer
        self._turn = turn or threading.Lock()
        self._turn_timeout = turn_timeout
        self._listening = listening
        self._notified = False
        self._connection: BatchConnection | None = None
        self._behind = Place()
        self._batches = 0

    def move(self) -> int:
        """Move a batch; returns its number of events. After a full batch, more may be waiting.

        Raises:
            DatabaseUnavailableError: the outbox cannot be reached; the batch is still in it.
            SettingsError: the table is missing, or an earlier release made it.
            QueueFull, QueueUnavailableError: the queue did not take it all; the rest still waits.
        """
        start = time.perf_counter()
        batch, delivery = self._move()
        self._go_on(batch, full=len(batch) == self.most and delivery.trouble is None)
        self.refused += len(delivery.refused)
        _log(delivery, time.perf_counter() - start)
        if delivery.trouble:
            raise delivery.trouble
        return len(batch)

    def _move(self) -> tuple[list[Waiting], Delivery]:
        delivery = Delivery()
        try:
            table = self._table()
            with table.connection.transaction():
                batch = self.claim(table)
                delivery = self.publish(batch)
                self.mark(table, delivery)
        except psycopg.Error as error:
            self.drop()
            # While Redis does not answer, the outbox may time out too: Redis is then the cause to
            # report.
            raise delivery.trouble or DatabaseUnavailableError(
                f"the outbox at {masked(self._url)} failed: {reason_of(error)}"
            ) from error
        return batch, delivery

    def claim(self, table: OutboxTable) -> list[Waiting]:
        """Step 1."""
        return table.claim(self.most, self._behind)

    def publish(self, batch: list[Waiting]) -> Delivery:
        """Step 2, one lane at a time: two at once would only compete for the interpreter.

        A lane whose Redis does not answer needs no processor time, so its turn is waited for only
        a short time.
        """
        held = self._turn.acquire(timeout=self._turn_timeout)
        try:
            return publish(self._producer, batch)
        finally:
            if held:
                self._turn.release()

    def mark(self, table: OutboxTable, delivery: Delivery) -> None:
        """Step 3."""
        mark(table, delivery)

    def _go_on(self, batch: list[Waiting], *, full: bool) -> None:
        """Set the position at which the next claim begins.

        After a full batch it begins behind that batch. A claim from the oldest event on would read
        all index entries of marked rows, which Postgres cannot remove while an old transaction is
        open. An event that is committed late, before that position, is found by the next claim that
        begins at the oldest event.
        """
        self._batches += 1
        if full and self._batches % _RESTART_AFTER:
            self._behind = Place(batch[-1].added_at, str(batch[-1].event_id))
        else:
            self._behind = Place()

    def added(self, *, within: float) -> bool:
        """Whether events were added since the last claim; waits up to `seconds` for that."""
        if not self._notified:
            waited_for = [self._connection] if self._connection else []
            # The notification is read by the next claim; if the connection was lost, that claim
            # fails.
            self._notified = bool(select.select(waited_for, [], [], within)[0])
        notified, self._notified = self._notified, False
        return notified

    def due_in(self) -> float:
        """Seconds until an event is due that was not at the last claim; infinite if there is none.

        If the connection is lost, the next claim says so.
        """
        if self._connection is None:
            return math.inf
        try:
            return OutboxTable(self._connection).due_in()
        except psycopg.Error:
            self.drop()
            return math.inf

    def _on_notify(self, _notify: Notify) -> None:
        self._notified = True

    def _table(self) -> OutboxTable:
        if self._connection is not None:
            return OutboxTable(self._connection)
        self._connection = connect_for_batches(self._url, application="signoff relay", outbox=True)
        if self._listening:
            self._connection.add_notify_handler(self._on_notify)
            self._connection.execute(f"LISTEN {CHANNEL}")
        return current(table_if_any(self._connection), self._url)

    def drop(self) -> None:
        """Close the connection, whatever its state."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _log(delivery: Delivery, seconds: float) -> None:
    """Log a line for the batch and one for each refused event; no texts, no amounts."""
    if delivery.published or delivery.refused:
        fields = {
            "published": len(delivery.published),
            "refused": len(delivery.refused),
            "ms": round(seconds * 1000, 1),
        }
        log.info("batch", extra={"fields": fields})
    for waiting, receipt in delivery.refused.items():
        reason = receipt.error.loggable if receipt.error else receipt.conflict
        log.warning("refused: %s", reason, extra={"fields": {"event": waiting.event_id}})
