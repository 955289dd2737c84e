"""`signoff event`: the story of one event, gathered from Redis, ledger and dead letters."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import typer
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_cli.leaving import leave_if_any
from signoff_cli.terminal import AsJson, cell, complain, say, show_json
from signoff_db import dead_letters, reading
from signoff_db.dead_letters import DeadLetter
from signoff_db.prune import pruned
from signoff_db.read_connection import database_of
from signoff_ops.services import load_settings
from signoff_ops.unavailable import Unavailable
from signoff_queue.connection import redis_of
from signoff_queue.reader import Place, QueueReader, queue_of
from signoff_relay.connections import outbox_if_any
from signoff_schemas import Settings

_PLACES: Final = {
    Place.QUEUED: "queued since then",
    Place.IN_FLIGHT: "in flight, a worker has it in hand",
    Place.SCHEDULED: "scheduled, retry at that time",
    Place.FAILED: "given up by RQ, a worker will sweep it into the dead letters",
    Place.UNLISTED: "its job is in Redis, but on no list, so no worker will find it",
}


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One thing that happened, or that is the case now (`at` is None or lies ahead)."""

    what: str
    text: str
    at: datetime | None = None
    facts: dict[str, Any] | None = None


def event(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="The event_id, or a job's id.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Tell the whole story of one event. Exit 1 if there is none, 2 if a server is away."""
    settings = load_settings()
    unavailable = Unavailable()
    entries = _event_history(settings, unavailable, *_ids(event_id))
    known = bool(entries) or (None if unavailable.reasons else False)
    if as_json:
        history = [asdict(entry) for entry in entries]
        show_json(
            {"event_id": event_id, "known": known, "history": history, "away": unavailable.reasons}
        )
    elif known is not None:
        _tell(event_id, entries)
    leave_if_any(unavailable)
    if not entries:
        raise typer.Exit(1)


def _event_history(
    settings: Settings, unavailable: Unavailable, event_id: UUID | None, job_id: str
) -> list[HistoryEntry]:
    """All that the servers know which are not away."""
    # Redis is asked first: an event that a worker settles meanwhile is in one of both for sure.
    present = unavailable.collect("redis", lambda: list(_present(settings, job_id)))
    past = unavailable.collect("postgres", lambda: _past(settings, event_id, job_id))
    outboxed: list[HistoryEntry] | None = None
    if settings.outbox_url or past is not None:
        outboxed = unavailable.collect("outbox", lambda: list(_outboxed(settings, event_id)))
    dated = [*(past or []), *(outboxed or [])]
    return [*sorted(dated, key=lambda c: (c.at is None, c.at)), *(present or [])]


def _ids(text: str) -> tuple[UUID | None, str]:
    """The event's id, where it is one, and its job's id: any spelling of a UUID will do."""
    try:
        event_id = UUID(text)
    except ValueError:
        return None, text
    return event_id, str(event_id)


def _present(settings: Settings, job_id: str) -> Iterator[HistoryEntry]:
    with redis_of(settings) as client:
        queue = queue_of(client, job_id) or settings.queue
        place = QueueReader(client, queue).place_of(job_id)
    if place:
        yield HistoryEntry(place[0], f"on queue {queue}: {_PLACES[place[0]]}", place[1])


def _outboxed(settings: Settings, event_id: UUID | None) -> Iterator[HistoryEntry]:
    with outbox_if_any(settings) as table:
        entry = table.entry(event_id) if table and event_id else None
    if entry is None:
        return
    yield HistoryEntry("outboxed", "committed to the outbox by its upstream", entry.added_at)
    if entry.published_at:
        yield HistoryEntry("relayed", "published by a relay", entry.published_at)
    elif entry.refused:
        yield HistoryEntry("refused", f"refused by the queue, kept in the outbox: {entry.refused}")
    else:
        yield HistoryEntry("unrelayed", "waits in the outbox for a relay")


def _past(settings: Settings, event_id: UUID | None, job_id: str) -> list[HistoryEntry]:
    with database_of(settings) as connection, reading.snapshot(connection):
        return list(_history_entries(connection, event_id, job_id))


def _history_entries(
    connection: Connection[TupleRow], event_id: UUID | None, job_id: str
) -> Iterator[HistoryEntry]:
    applied = reading.ledger_entry(connection, event_id) if event_id else None
    if applied:
        newer = "; a newer event holds its status now" if applied.status_superseded else ""
        yield HistoryEntry(
            "applied", f"applied to interaction {applied.interaction_id}{newer}",
            applied.applied_at, asdict(applied),
        )  # fmt: skip
    for letter_id in reading.letters_of_event(connection, event_id, job_id):
        letter = dead_letters.get_letter(connection, letter_id)
        if letter:
            yield from _death(connection, letter)
    for action in pruned(connection, job_id):
        told = f"its settled dead letter was pruned by {action.actor}, because: {action.reason}"
        yield HistoryEntry("pruned", told, action.acted_at)


def _death(connection: Connection[TupleRow], letter: DeadLetter) -> Iterator[HistoryEntry]:
    facts = {
        "dead_letter": letter.id,
        "kind": letter.kind,
        "state": letter.state,
        "attempts": letter.attempts,
        "fingerprint": letter.fingerprint,
        "last_failed_at": letter.last_failed_at,
    }
    told = f"dead letter {letter.id}, {letter.kind}: {letter.message}"
    yield HistoryEntry("dead", told, letter.first_failed_at, facts)
    for action in dead_letters.actions_of(connection, letter.id):
        because = f", because: {action.reason}" if action.reason else ""
        told = f"{action.action} of dead letter {letter.id} by {action.actor}{because}"
        yield HistoryEntry(action.action, told, action.acted_at)
    if letter.state != "dead":
        yield HistoryEntry(
            letter.state, f"dead letter {letter.id} {letter.state}", letter.resolved_at
        )


def _tell(event_id: str, entries: list[HistoryEntry]) -> None:
    if not entries:
        complain(
            f"Event {event_id} is unknown: it is not on the queue, not in the ledger, and no dead "
            "letter."
        )
        return
    say(f"Event {event_id}", style="bold")
    for entry in entries:
        say(f"  {cell(entry.at):<24} {entry.text}")
        if entry.what == "applied" and entry.facts:
            _tell_facts(entry.facts)


def _tell_facts(facts: dict[str, Any]) -> None:
    given = f"gave status {cell(facts['given_status'])}, LTV {cell(facts['given_ltv'])}"
    say(f"  {'':<24} occurred {cell(facts['occurred_at'])}, {given}")
    held = f"{facts['customer_status']}, {cell(facts['ltv_usd'])} USD"
    say(f"  {'':<24} the interaction then held {held}")
