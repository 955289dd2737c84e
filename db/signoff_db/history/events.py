"""An event of the ledger as it was published."""

from datetime import datetime
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.sql import statement


def event_json(connection: Connection[TupleRow], event_id: UUID) -> str | None:
    """The event's canonical JSON; None if the ledger does not hold it."""
    row = connection.execute(statement("history/event_json"), {"event_id": event_id}).fetchone()
    if row is None:
        return None
    json: str = row[0].split(" ", 2)[2]
    return json


def applied_at(connection: Connection[TupleRow], event_id: UUID) -> datetime | None:
    """When the event was applied; None if the ledger does not hold it."""
    row = connection.execute(statement("history/applied"), {"event_id": event_id}).fetchone()
    return row[0] if row else None
