"""Read chosen dead letters in batches: the next batch is read while one is replayed.

A letter's bytes never change, so they may be read before it is locked. Whether it is still dead is
checked under the lock.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple
from uuid import UUID

from signoff_db.connection import BatchConnection
from signoff_db.delivery import Delivery, Job, read_jobs
from signoff_db.failure import Failure
from signoff_db.record_dead_letters import MAX_PAYLOAD_BYTES
from signoff_db.sql import statement
from signoff_schemas import FailureKind, Kind, decode_job, kind_of

FIRST_BATCH: Final = 10
GROWTH: Final = 5
LARGEST_BATCH: Final = 1_000
BATCH_BYTES: Final = 16 * 1024 * 1024
"""The size of a batch's payloads."""


class Letter(NamedTuple):
    """A chosen dead letter, read but not locked yet."""

    id: int
    delivery: Delivery
    has_event: bool
    """Whether its row has the event's id and content hash: then applying the event resolves it."""

    @property
    def complete(self) -> bool:
        """Whether the letter holds the whole payload; if not, there is nothing to apply."""
        return self.delivery.size is None


class Row(NamedTuple):
    """A dead letter as it is read, before its event is validated."""

    id: int
    job_id: str
    payload: bytes
    event_id: UUID | None
    content_hash: bytes | None
    complete: bool
    message: str


def read_ahead(
    connection: BatchConnection, ids: Sequence[int], rate: float | None
) -> Iterator[list[Letter]]:
    """Those of the letters that are dead, in batches; a thread validates the next batch.

    Args:
        connection: must be free whenever the next batch is requested.
        ids: in ascending order.
        rate: the most letters in a batch, or None.
    """
    with ThreadPoolExecutor(max_workers=1) as reader:
        ahead: Future[list[Letter]] | None = None
        for rows in _batches(connection, ids, rate):
            ready, ahead = ahead, reader.submit(validated, rows)
            if ready:
                yield ready.result()
        if ahead:
            yield ahead.result()


def _batches(
    connection: BatchConnection, ids: Sequence[int], rate: float | None
) -> Iterator[list[Row]]:
    """Batches, the oldest first: small ones at first, to see early whether events apply."""
    largest = LARGEST_BATCH if rate is None else max(1, min(LARGEST_BATCH, int(rate)))
    size, start = FIRST_BATCH, 0
    while start < len(ids):
        some = ids[start : start + min(size, largest)]
        rows = _rows(connection, some)
        # If the payloads are large, these are not all of them; the rest is for the next batch.
        start = bisect_right(ids, rows[-1].id) if rows else start + len(some)
        size *= GROWTH
        if rows:
            yield rows


def _rows(connection: BatchConnection, ids: Sequence[int]) -> list[Row]:
    parameters = {"letters": list(ids), "most_bytes": MAX_PAYLOAD_BYTES, "budget": BATCH_BYTES}
    rows = connection.execute(statement("replayable"), parameters, binary=True).fetchall()
    return [Row(*row) for row in rows]


def validated(rows: Sequence[Row]) -> list[Letter]:
    """The letters of these rows, with their events."""
    jobs = [Job(row.job_id, row.payload) for row in rows if row.complete]
    read = iter(read_jobs(jobs, _decode))
    return [_letter(row, next(read) if row.complete else _incomplete(row)) for row in rows]


def _decode(payload: bytes) -> tuple[Kind, bytes]:
    """The event's JSON: the payload itself or, if it could not be read before, in a job's data."""
    return (kind_of(payload), payload) if payload.startswith(b"{") else decode_job(payload)


def _incomplete(row: Row) -> Delivery:
    """A delivery without an event, since its data was too large: it fails as it did before."""
    loggable = "more data than any event has"
    failure = Failure(FailureKind.INVALID_PAYLOAD, row.message, loggable, "too_large")
    return Delivery(row.job_id, b"", None, failure, size=0)


def _letter(row: Row, delivery: Delivery) -> Letter:
    event_id = delivery.event and delivery.event.event_id
    has_event = event_id is not None and (event_id, delivery.content_hash) == (
        row.event_id,
        row.content_hash,
    )
    return Letter(row.id, delivery, has_event)
