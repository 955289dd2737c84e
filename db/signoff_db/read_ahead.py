"""The chosen dead letters, page by page: each page is read while the one before is worked on.

A letter's bytes never change, so they may be read before it is locked; only whether it is still
dead is to be asked under the lock.
"""

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Final, NamedTuple
from uuid import UUID

from signoff_db.connection import BatchConnection
from signoff_db.dead_letters import Selection
from signoff_db.delivery import Delivery, Job, read_jobs
from signoff_db.sql import statement
from signoff_schemas import decode_job

_FIRST_PAGE: Final = 10
_LARGEST_PAGE: Final = 1_000


class Letter(NamedTuple):
    """A chosen dead letter, read but not locked yet."""

    id: int
    delivery: Delivery
    bears_event: bool
    """Whether its row names the event and its content: then applying the event resolves it."""


class _Row(NamedTuple):
    id: int
    job_id: str
    payload: bytes
    event_id: UUID | None
    content_hash: bytes | None


def read_ahead(
    connection: BatchConnection, selection: Selection, limit: int | None, rate: float | None
) -> Iterator[list[Letter]]:
    """Each page of the chosen letters; the next one is read in a thread while the caller works.

    Args:
        connection: outside of a transaction whenever the next page is asked for.
        selection: which letters; only dead ones are meant, whatever states it names.
        limit: the most letters, or None.
        rate: the most letters a page, or None.
    """
    with ThreadPoolExecutor(max_workers=1) as reader:
        ahead: Future[list[Letter]] | None = None
        for page in _pages(connection, selection, limit, rate):
            ready, ahead = ahead, reader.submit(_read, page)
            if ready:
                yield ready.result()
        if ahead:
            yield ahead.result()


def _pages(
    connection: BatchConnection, selection: Selection, limit: int | None, rate: float | None
) -> Iterator[list[_Row]]:
    """The chosen letters, the oldest first: a few, to learn whether they apply, then many."""
    largest = _LARGEST_PAGE if rate is None else max(1, min(_LARGEST_PAGE, int(rate)))
    left = sys.maxsize if limit is None else limit
    parameters = replace(selection, states=("dead",)).parameters
    size, after = _FIRST_PAGE, 0
    while left > 0:
        page = {"after_id": after, "limit": min(size, largest, left)}
        rows = connection.execute(
            statement("choose_dead_letters"), parameters | page, binary=True
        ).fetchall()
        if not rows:
            return
        yield [_Row(*row) for row in rows]
        left -= len(rows)
        after = rows[-1][0]
        size *= 5


def _read(page: Sequence[_Row]) -> list[Letter]:
    jobs = [Job(row.job_id, row.payload) for row in page]
    return list(map(_letter, page, read_jobs(jobs, _event_of)))


def _event_of(payload: bytes) -> bytes:
    """A letter holds its event's JSON; what never was an event is the job it came in."""
    return payload if payload.startswith(b"{") else decode_job(payload)


def _letter(row: _Row, delivery: Delivery) -> Letter:
    event_id = delivery.event and delivery.event.event_id
    borne = event_id is not None and (event_id, delivery.content_hash) == row[3:]
    return Letter(row.id, delivery, borne)
