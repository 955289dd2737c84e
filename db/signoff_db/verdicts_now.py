"""What became of events, as of now: their verdicts, or why they are dead letters."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.sql import statement


class Fate(NamedTuple):
    """What Postgres holds of one event."""

    event_id: UUID
    verdict: str | None
    """`applied`, `late` or `void`; None if the ledger does not hold this content."""
    age: float | None
    """Seconds since it was applied."""
    dead_letter: int | None
    """The newest open dead letter of this `event_id`; its kind and message follow."""
    kind: str | None
    message: str | None


@contextmanager
def planned_once(connection: Connection[TupleRow]) -> Iterator[None]:
    """In the block, `fates_of` uses one plan: making one takes longer than running it.

    Args:
        connection: in autocommit mode; other statements should not use it meanwhile.
    """
    connection.execute(statement("plan_once"))
    try:
        yield
    finally:
        with suppress(psycopg.Error):  # the connection may be lost
            connection.execute(statement("plan_again"))


def fates_of(
    connection: Connection[TupleRow], events: Sequence[UUID], hashes: Sequence[bytes]
) -> list[Fate]:
    """What Postgres holds of events with these content hashes."""
    # As text and as one value: adapting lists takes longer than the rest of the call.
    parameters = {"events": f"{{{','.join(map(str, events))}}}", "hashes": b"".join(hashes)}
    found = connection.execute(statement("verdicts_of_events"), parameters, prepare=True)
    return [Fate(*row) for row in found]
