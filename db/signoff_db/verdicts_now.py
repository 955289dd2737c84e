"""What became of events, as of now: their verdicts, or why they are dead letters."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.sql import statement


@dataclass(frozen=True, slots=True)
class Fate:
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


def fates_of(
    connection: Connection[TupleRow], events: Sequence[UUID], hashes: Sequence[bytes]
) -> list[Fate]:
    """What Postgres holds of events with these content hashes."""
    with connection.cursor(row_factory=class_row(Fate)) as cursor:
        parameters = {"events": list(events), "hashes": list(hashes)}
        return cursor.execute(statement("verdicts_of_events"), parameters).fetchall()
