"""Put status decisions into the outbox of this database: from there they are published."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid5

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from signoff_db.sql import statement
from signoff_insight.transitions.decision_errors import OutboxMissingError
from signoff_insight.transitions.proposals import PACKAGE
from signoff_schemas import StatusDecision, content_hash

_EVENTS: Final = UUID("6b1f2f0e-8d2b-4b0e-9a55-2f4f0c1d7a29")
"""The namespace of the ids of decisions, which follow from those of proposals."""


def decision_id(proposal_id: UUID) -> UUID:
    """The id of the status decision that a proposal leads to."""
    return uuid5(_EVENTS, f"decision {proposal_id}")


def undo_id(proposal_id: UUID) -> UUID:
    """The id of the status decision that takes it back."""
    return uuid5(_EVENTS, f"undo {proposal_id}")


def made_of(events: Mapping[UUID, StatusDecision]) -> list[dict[str, str]]:
    """Decisions by their proposals, as the statements take them that write them."""
    return [_made(proposal_id, event) for proposal_id, event in events.items()]


def _made(proposal_id: UUID, event: StatusDecision) -> dict[str, str]:
    canonical = event.canonical_json()
    return {
        "id": str(proposal_id),
        "event_id": str(event.event_id),
        "event": canonical.decode(),
        "hash": content_hash(canonical).hex(),
    }


def put_into_outbox(connection: Connection[TupleRow], made: Sequence[dict[str, str]]) -> None:
    """Add decisions to the outbox of this database.

    Raises:
        OutboxMissingError: there is none, or an earlier release made it.
    """
    outbox = require_outbox(connection)
    text = SQL(statement("transitions/outbox_add", PACKAGE)).format(outbox=outbox)
    try:
        connection.execute(text, {"events": json.dumps(made)})
    except psycopg.errors.UndefinedColumn:
        raise OutboxMissingError from None


def require_outbox(connection: Connection[TupleRow]) -> Identifier:
    """The table of the outbox, which relays find too.

    Raises:
        OutboxMissingError: there is none.
    """
    row = connection.execute(statement("transitions/outbox_name", PACKAGE)).fetchone()
    if row is None:
        raise OutboxMissingError
    return Identifier(*row)


def now_in(connection: Connection[TupleRow]) -> datetime:
    """The time by the clock of Postgres."""
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    if row is None:
        raise AssertionError
    moment: datetime = row[0]
    return moment.astimezone(UTC)


def signed(actor: str) -> str:
    """Who decided, as events name people: `user:ann`."""
    return actor if actor.partition(":")[0] in {"user", "key", "service"} else f"user:{actor}"
