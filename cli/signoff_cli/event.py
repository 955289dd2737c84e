"""`signoff event`: the story of one event, gathered from Redis, ledger and dead letters."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import typer
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_cli.away import Away
from signoff_cli.connections import redis_of
from signoff_cli.database import database_of
from signoff_cli.outbox.connections import outbox_if_any
from signoff_cli.queue import Place, QueueReader, queue_of
from signoff_cli.services import load_settings
from signoff_cli.terminal import AsJson, cell, complain, say, show_json
from signoff_db import dead_letters, reading
from signoff_db.dead_letters import DeadLetter
from signoff_db.prune import pruned
from signoff_schemas import Settings

_PLACES: Final = {
    Place.QUEUED: "queued since then",
    Place.IN_FLIGHT: "in flight, a worker has it in hand",
    Place.SCHEDULED: "scheduled, retry at that time",
    Place.FAILED: "given up by RQ, a worker will sweep it into the dead letters",
    Place.NOWHERE: "its job is in Redis, but on no list, so no worker will find it",
}


@dataclass(frozen=True, slots=True)
class Chapter:
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
    away = Away()
    story = _story(settings, away, *_ids(event_id))
    known = bool(story) or (None if away.reasons else False)
    if as_json:
        chapters = [asdict(chapter) for chapter in story]
        show_json({"event_id": event_id, "known": known, "story": chapters, "away": away.reasons})
    elif known is not None:
        _tell(event_id, story)
    away.leave_if_any()
    if not story:
        raise typer.Exit(1)


def _story(settings: Settings, away: Away, event_id: UUID | None, job_id: str) -> list[Chapter]:
    """All that the servers know which are not away."""
    # Redis is asked first: an event that a worker settles meanwhile is in one of both for sure.
    present = away.unless("redis", lambda: list(_present(settings, job_id)))
    past = away.unless("postgres", lambda: _past(settings, event_id, job_id))
    outboxed: list[Chapter] | None = None
    if settings.outbox_url or past is not None:
        outboxed = away.unless("outbox", lambda: list(_outboxed(settings, event_id)))
    dated = [*(past or []), *(outboxed or [])]
    return [*sorted(dated, key=lambda c: (c.at is None, c.at)), *(present or [])]


def _ids(text: str) -> tuple[UUID | None, str]:
    """The event's id, where it is one, and its job's id: any spelling of a UUID will do."""
    try:
        event_id = UUID(text)
    except ValueError:
        return None, text
    return event_id, str(event_id)


def _present(settings: Settings, job_id: str) -> Iterator[Chapter]:
    with redis_of(settings) as client:
        queue = queue_of(client, job_id) or settings.queue
        place = QueueReader(client, queue).place_of(job_id)
    if place:
        yield Chapter(place[0], f"on queue {queue}: {_PLACES[place[0]]}", place[1])


def _outboxed(settings: Settings, event_id: UUID | None) -> Iterator[Chapter]:
    with outbox_if_any(settings) as table:
        entry = table.entry(event_id) if table and event_id else None
    if entry is None:
        return
    yield Chapter("outboxed", "committed to the outbox by its upstream", entry.added_at)
    if entry.published_at:
        yield Chapter("relayed", "published by a relay", entry.published_at)
    elif entry.refused:
        yield Chapter("refused", f"refused by the queue, kept in the outbox: {entry.refused}")
    else:
        yield Chapter("unrelayed", "waits in the outbox for a relay")


def _past(settings: Settings, event_id: UUID | None, job_id: str) -> list[Chapter]:
    with database_of(settings) as connection, reading.snapshot(connection):
        return list(_chapters(connection, event_id, job_id))


def _chapters(
    connection: Connection[TupleRow], event_id: UUID | None, job_id: str
) -> Iterator[Chapter]:
    applied = reading.ledger_entry(connection, event_id) if event_id else None
    if applied:
        newer = "; a newer event holds its status now" if applied.status_superseded else ""
        yield Chapter(
            "applied", f"applied to interaction {applied.interaction_id}{newer}",
            applied.applied_at, asdict(applied),
        )  # fmt: skip
    for letter_id in reading.letters_of_event(connection, event_id, job_id):
        letter = dead_letters.get_letter(connection, letter_id)
        if letter:
            yield from _death(connection, letter)
    for action in pruned(connection, job_id):
        told = f"its settled dead letter was pruned by {action.actor}, because: {action.reason}"
        yield Chapter("pruned", told, action.acted_at)


def _death(connection: Connection[TupleRow], letter: DeadLetter) -> Iterator[Chapter]:
    facts = {
        "dead_letter": letter.id,
        "kind": letter.kind,
        "state": letter.state,
        "attempts": letter.attempts,
        "fingerprint": letter.fingerprint,
        "last_failed_at": letter.last_failed_at,
    }
    told = f"dead letter {letter.id}, {letter.kind}: {letter.message}"
    yield Chapter("dead", told, letter.first_failed_at, facts)
    for action in dead_letters.actions_of(connection, letter.id):
        because = f", because: {action.reason}" if action.reason else ""
        told = f"{action.action} of dead letter {letter.id} by {action.actor}{because}"
        yield Chapter(action.action, told, action.acted_at)
    if letter.state != "dead":
        yield Chapter(letter.state, f"dead letter {letter.id} {letter.state}", letter.resolved_at)


def _tell(event_id: str, story: list[Chapter]) -> None:
    if not story:
        complain(
            f"Event {event_id} is unknown: it is not on the queue, not in the ledger, and no dead "
            "letter."
        )
        return
    say(f"Event {event_id}", style="bold")
    for chapter in story:
        say(f"  {cell(chapter.at):<24} {chapter.text}")
        if chapter.what == "applied" and chapter.facts:
            _tell_facts(chapter.facts)


def _tell_facts(facts: dict[str, Any]) -> None:
    given = f"gave status {cell(facts['given_status'])}, LTV {cell(facts['given_ltv'])}"
    say(f"  {'':<24} occurred {cell(facts['occurred_at'])}, {given}")
    held = f"{facts['customer_status']}, {cell(facts['ltv_usd'])} USD"
    say(f"  {'':<24} the interaction then held {held}")
