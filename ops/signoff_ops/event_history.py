"""The history of one event, from Redis, outbox, ledger, dead letters and actions."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db import reading
from signoff_db.dead_letters import DeadLetter, letters_of
from signoff_db.operator_actions import Action, actions_of
from signoff_db.prune import pruned
from signoff_db.reading import LedgerEntry
from signoff_ops.refused import refusal
from signoff_ops.servers import Servers
from signoff_ops.unavailable import Unavailable
from signoff_queue.reader import Place, QueueReader, queue_of
from signoff_schemas import DeadLetterState


class Step(StrEnum):
    """The kinds of history entries."""

    OUTBOXED = "outboxed"
    RELAYED = "relayed"
    REFUSED = "refused"
    UNRELAYED = "unrelayed"
    QUEUED = "queued"
    IN_FLIGHT = "in_flight"
    SCHEDULED = "scheduled"
    FAILED = "failed"
    OVERSIZED = "oversized"
    UNLISTED = "unlisted"
    APPLIED = "applied"
    VOID = "void"
    DEAD = "dead"
    REPLAY = "replay"
    EDIT = "edit"
    DISCARD = "discard"
    DEAD_LETTER_OUTBOX = "dead_letter_outbox"
    RESOLVED = "resolved"
    DISCARDED = "discarded"
    PRUNED = "pruned"


_PLACES: Final = {
    Place.QUEUED: "queued since then",
    Place.IN_FLIGHT: "in flight, a worker holds it",
    Place.SCHEDULED: "scheduled, retry at that time",
    Place.FAILED: "given up by RQ, a worker will sweep it into the dead letters",
    Place.OVERSIZED: "too large to be read; it stays in Redis, and is a dead letter",
    Place.UNLISTED: "its job is in Redis, but on no list, so no worker will find it",
}


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """Something that happened, or the present state (`at` is None or in the future)."""

    what: Step
    text: str
    at: datetime | None = None
    facts: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class EventHistory:
    """All that the available servers know of an event."""

    event_id: str
    """The id as it was given."""
    entries: tuple[HistoryEntry, ...]
    """In order of time; the present state is last."""
    away: dict[str, str]
    """Why a server could not be read, by its name."""

    @property
    def known(self) -> bool | None:
        """Whether anything is known of it; None if only an unavailable server may know it."""
        return bool(self.entries) or (None if self.away else False)


def event_history(servers: Servers, event_id: str) -> EventHistory:
    """The history of an event, by its `event_id` in any form, or by its job's id.

    Redis is read first: an event that a worker settles meanwhile is found in one of the two. What
    only an unavailable server knows is left out; `away` names the server.
    """
    unavailable = Unavailable()
    uuid, job_id = _ids(event_id)
    present = unavailable.collect("redis", lambda: list(_in_redis(servers, job_id)))
    past = unavailable.collect("postgres", lambda: _in_database(servers, uuid, job_id))
    moved = any(entry.what is Step.DEAD_LETTER_OUTBOX for entry in past or ())
    outboxed: list[HistoryEntry] | None = None
    if servers.settings.outbox_url or past is not None:
        outboxed = unavailable.collect(
            "outbox", lambda: list(_in_outbox(servers, uuid, moved=moved))
        )
    dated = [*(past or []), *(outboxed or [])]
    entries = [*sorted(dated, key=lambda e: (e.at is None, e.at)), *(present or [])]
    return EventHistory(event_id, tuple(entries), unavailable.reasons)


def _ids(text: str) -> tuple[UUID | None, str]:
    """The event's id, if it is one, and its job's id. Any form of a UUID is read."""
    try:
        event_id = UUID(text)
    except ValueError:
        return None, text
    return event_id, str(event_id)


def _in_redis(servers: Servers, job_id: str) -> Iterator[HistoryEntry]:
    with servers.redis() as client:
        queue = QueueReader(client, queue_of(client, job_id) or servers.settings.queue)
        place = queue.place_of(job_id)
    if place:
        yield HistoryEntry(Step(place[0]), f"on queue {queue.name}: {_PLACES[place[0]]}", place[1])


def _in_outbox(servers: Servers, event_id: UUID | None, *, moved: bool) -> Iterator[HistoryEntry]:
    with servers.outbox() as table:
        entry = table.entry(event_id) if table and event_id else None
    if entry is None:
        return
    yield HistoryEntry(Step.OUTBOXED, "committed to the outbox by its upstream", entry.added_at)
    if entry.published_at:
        text = "published by a relay"
        if moved:
            text = "done with in the outbox: moved to the dead letters, or published since"
        yield HistoryEntry(Step.RELAYED, text, entry.published_at)
    elif entry.refused:
        _, since = refusal(entry.event, entry.bytes, entry.refused)
        text = f"the queue refused it, and it is kept in the outbox ({since})"
        yield HistoryEntry(Step.REFUSED, text)
    else:
        yield HistoryEntry(Step.UNRELAYED, "waits in the outbox for a relay")


def _in_database(servers: Servers, event_id: UUID | None, job_id: str) -> list[HistoryEntry]:
    with servers.database() as connection, reading.snapshot(connection):
        return list(_stored(connection, event_id, job_id))


def _stored(
    connection: Connection[TupleRow], event_id: UUID | None, job_id: str
) -> Iterator[HistoryEntry]:
    applied = reading.ledger_entry(connection, event_id) if event_id else None
    if applied:
        step = Step.VOID if applied.void else Step.APPLIED
        yield HistoryEntry(step, _effect(applied), applied.applied_at, asdict(applied))
    for letter in letters_of(connection, event_id, job_id):
        yield from _of_letter(connection, letter)
    for action in pruned(connection, job_id):
        text = f"its settled dead letter was pruned by {action.actor}, because: {action.reason}"
        yield HistoryEntry(Step.PRUNED, text, action.acted_at)


def _effect(applied: LedgerEntry) -> str:
    """The effect that an event of the ledger has now."""
    if applied.void:
        return f"in the ledger, but void now: {applied.void_because}"
    newer = "; a newer event holds its status now" if applied.status_superseded else ""
    if applied.interaction_id is None:
        return f"applied to customer {applied.user_id}{newer}"
    return f"applied to interaction {applied.interaction_id}{newer}"


def _of_letter(connection: Connection[TupleRow], letter: DeadLetter) -> Iterator[HistoryEntry]:
    facts = {
        "dead_letter": letter.id,
        "kind": letter.kind,
        "event_type": letter.event_type,
        "state": letter.state,
        "attempts": letter.attempts,
        "fingerprint": letter.fingerprint,
        "last_failed_at": letter.last_failed_at,
    }
    text = f"dead letter {letter.id}, {letter.kind}: {letter.message}"
    yield HistoryEntry(Step.DEAD, text, letter.first_failed_at, facts)
    for action in actions_of(connection, letter.id):
        because = f", because: {action.reason}" if action.reason else ""
        done = f"{action.action} of dead letter {letter.id}"
        if action.action is Action.DEAD_LETTER_OUTBOX:
            done = f"moved from the outbox to dead letter {letter.id}"
        text = f"{done} by {action.actor}{because}"
        acted = {
            "dead_letter": letter.id,
            "actor": action.actor,
            "reason": action.reason,
            "operation": action.operation_id,
        }
        yield HistoryEntry(Step(action.action), text, action.acted_at, acted)
    if letter.state is not DeadLetterState.DEAD:
        text = f"dead letter {letter.id} {letter.state}"
        settled = {"dead_letter": letter.id, "actor": None, "reason": None, "operation": None}
        yield HistoryEntry(Step(letter.state), text, letter.resolved_at, settled)
