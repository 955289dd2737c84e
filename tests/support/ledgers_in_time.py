"""Ledgers that say when each of their events was applied."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from insight import apply_all, keep_facts
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import connect
from signoff_schemas import AnyEvent


@dataclass(frozen=True)
class Held:
    """Events that a database holds, when each was applied, and a connection to it."""

    events: Sequence[AnyEvent]
    applied: Mapping[UUID, datetime]
    connection: Connection[TupleRow]
    timezone: str


@contextmanager
def holding(
    database_url: str, events: Sequence[AnyEvent], applied: Mapping[UUID, datetime], timezone: str
) -> Iterator[Held]:
    """Let a database hold these events, and their facts."""
    apply_all(database_url, events)
    note_applied(database_url, applied)
    keep_facts(database_url, timezone)
    with connect(database_url) as connection:
        yield Held(events, applied, connection, timezone)


def applied_late(events: Iterable[AnyEvent]) -> dict[UUID, datetime]:
    """When each event was applied: many at once, some weeks later."""
    chance = random.Random(16)
    late = (0, 0, 0, 1, 30, 90)
    return {
        event.event_id: event.occurred_at + timedelta(days=chance.choice(late)) for event in events
    }


def note_applied(database_url: str, applied: Mapping[UUID, datetime]) -> None:
    """Let the ledger say that its events were applied then."""
    with connect(database_url) as connection, connection.transaction():
        # The ledger may not be changed; an administrator can.
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(
            "UPDATE approvals a SET applied_at = n.at"
            " FROM unnest(%s::uuid[], %s::timestamptz[]) AS n(id, at) WHERE a.event_id = n.id",
            [list(applied), list(applied.values())],
        )
