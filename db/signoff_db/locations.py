"""Where Postgres holds events, by their content: an id alone says nothing of what is under it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.record_dead_letters import MAX_PAYLOAD_BYTES
from signoff_db.sql import statement
from signoff_schemas import DeadLetterState

_AT_A_TIME = 1000


@dataclass(frozen=True, slots=True)
class LetterContent:
    """What a dead letter, or one that was pruned, holds."""

    state: DeadLetterState
    content_hash: bytes | None
    """That of the canonical event; None where the payload is no valid event."""
    payload_hash: bytes | None
    """The SHA-256 of the payload, where it is no valid event."""


@dataclass(frozen=True, slots=True)
class EventLocations:
    """Where Postgres holds some events, by event_id."""

    ledger: Mapping[UUID, bytes]
    """The content hashes of those that were applied."""
    letters: Mapping[UUID, Sequence[LetterContent]]
    """The dead letters under their ids."""


def locate_events(connection: Connection[TupleRow], events: Sequence[UUID]) -> EventLocations:
    """What the ledger and the dead letters hold under these ids."""
    parameters = {"events": list(events), "most_bytes": MAX_PAYLOAD_BYTES}
    ledger: dict[UUID, bytes] = {}
    letters: defaultdict[UUID, list[LetterContent]] = defaultdict(list)
    for event_id, state, *hashes in connection.execute(statement("find_events"), parameters):
        if state is None:
            ledger[event_id] = hashes[0]
        else:
            letters[event_id].append(LetterContent(DeadLetterState(state), *hashes))
    return EventLocations(ledger, letters)


def unknown_jobs(connection: Connection[TupleRow], job_ids: Sequence[str]) -> list[str]:
    """Those of the jobs of which neither the ledger nor the dead letters hold the event."""
    unknown: list[str] = []
    for start in range(0, len(job_ids), _AT_A_TIME):
        jobs = list(job_ids[start : start + _AT_A_TIME])
        parameters = {"jobs": jobs, "events": [event_id_of(job_id) for job_id in jobs]}
        rows = connection.execute(statement("unknown_jobs"), parameters)
        unknown += [row[0] for row in rows]
    return unknown


def event_id_of(job_id: str) -> UUID | None:
    """The event's id, which a job has as its own; None where it is another one."""
    try:
        return UUID(job_id)
    except ValueError:
        return None
