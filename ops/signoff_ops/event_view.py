"""An event as its page shows it: where it is now, what happened to it, and what it holds."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.dead_letters import MOST_OF_EVENT, get_letter
from signoff_db.history.changes import Change, changes_of
from signoff_db.history.events import event_json
from signoff_db.payload_text import fields_of, readable_beginning
from signoff_db.reading import snapshot
from signoff_ops.event_history import EventHistory, HistoryEntry, Step, event_history
from signoff_ops.servers import Servers
from signoff_ops.timeline import Fact, Link, Thing, fact_of_step
from signoff_ops.unavailable import Unavailable
from signoff_queue.stored_job import StoredJob, stored_job
from signoff_schemas import DeadLetterState
from signoff_schemas.wording import count

MOST_FACTS: Final = 300
"""Facts that are shown."""
_MOST_SHOWN: Final = 20_000
"""Characters of an event that are shown."""
_LONGEST_VALUE: Final = 1000
_MOST_FIELDS: Final = 50
_MOST_VALUES: Final = 20
_IN_REDIS: Final = frozenset(
    {Step.QUEUED, Step.IN_FLIGHT, Step.SCHEDULED, Step.FAILED, Step.OVERSIZED, Step.UNLISTED}
)
_IN_OUTBOX: Final = frozenset({Step.REFUSED, Step.UNRELAYED})
_IN_LEDGER: Final = frozenset({Step.APPLIED, Step.VOID})


@dataclass(frozen=True, slots=True)
class EventField:
    """A field of an event; a list of texts has a value for each."""

    name: str
    values: tuple[str, ...]
    more: int = 0
    """How many values are left out."""


@dataclass(frozen=True, slots=True)
class EventContent:
    """What an event holds, bounded."""

    source: str
    """Where it was read."""
    text: str
    """The beginning of its JSON, indented; bytes that are no text are escaped."""
    complete: bool
    """Whether that is all of it."""
    size: int
    """Bytes of the whole."""
    fields: tuple[EventField, ...]
    """Empty where it is no JSON object."""


@dataclass(frozen=True, slots=True)
class EventView:
    """All that the available servers know of an event."""

    event_id: str
    known: bool | None
    """None if only a server that is away may know it."""
    state: str
    """Where it is now, in a sentence."""
    not_known: tuple[str, ...]
    """What cannot be said since a server is away, a sentence each."""
    facts: tuple[Fact, ...]
    """The newest first; the present state is the first. At most `MOST_FACTS`."""
    left_out: str | None
    """What is not among the facts, in a sentence."""
    content: EventContent | None


def event_view(servers: Servers, event_id: str) -> EventView:
    """What is known of an event, by its `event_id` in any form, or by its job's id.

    What only a server knows that is away is in `not_known`.
    """
    history = event_history(servers, event_id)
    unavailable = Unavailable(dict(history.away))
    job = None
    if any(entry.what in _IN_REDIS for entry in history.entries):
        job = unavailable.collect("redis", lambda: _job(servers, event_id))
    stored = None
    if any(entry.facts for entry in history.entries):
        stored = unavailable.collect("postgres", lambda: _stored(servers, history.entries))
    content, change = stored or (None, None)
    if content is None and job is not None and job.content is not None:
        content = _content("Redis", job.content, len(job.content))
    if content is None and any(entry.what in _IN_OUTBOX for entry in history.entries):
        content = unavailable.collect("outbox", lambda: _outboxed(servers, event_id))
    return EventView(
        event_id,
        history.known,
        " ".join([state_of(history, servers), *(_late(change) if change else ())]),
        not_known(servers, history.away),
        tuple(islice(_facts(history.entries, job, change), MOST_FACTS)),
        _left_out(history.entries),
        content,
    )


def _left_out(entries: Sequence[HistoryEntry]) -> str | None:
    letters = sum(entry.what is Step.DEAD for entry in entries)
    if len(entries) > MOST_FACTS:
        return f"The newest {MOST_FACTS} of {len(entries):,} facts are shown."
    if letters == MOST_OF_EVENT:
        return f"Of its dead letters the newest {letters} are shown; there may be older ones."
    return None


def state_of(history: EventHistory, servers: Servers) -> str:
    """Where an event is now, in a sentence."""
    if not history.entries:
        if not history.away:
            return "Nothing is known of it."
        return "Nothing is known of it, but not everything could be looked at."
    where = "; ".join(_places(history.entries)) or history.entries[-1].text
    missing = " Not everything could be looked at." if not_known(servers, history.away) else ""
    return f"{where[0].upper()}{where[1:]}.{missing}"


def _places(entries: Sequence[HistoryEntry]) -> Iterator[str]:
    """All places in which an event is now: in more than one it is where something went wrong."""
    for entry in entries:
        if entry.what in _IN_LEDGER:
            yield entry.text
    for entry in entries:
        facts = entry.facts or {}
        if entry.what is Step.DEAD and facts["state"] == DeadLetterState.DEAD:
            yield f"dead letter {facts['dead_letter']} is open ({facts['kind']})"
    for entry in entries:
        if entry.what in _IN_REDIS | _IN_OUTBOX:
            yield entry.text


def not_known(servers: Servers, away: dict[str, str]) -> tuple[str, ...]:
    """What cannot be said of an event while these servers are away, a sentence each."""
    in_ledger = "Whether it was applied, or is a dead letter,"
    if not servers.settings.outbox_url:
        in_ledger = "Whether it is in the outbox, was applied, or is a dead letter,"
    subjects = {
        "redis": "Whether it is on the queue",
        "postgres": in_ledger,
        "outbox": "Whether it is in the outbox",
    }
    return tuple(f"{subjects[server]} is not known: {reason}" for server, reason in away.items())


def _facts(
    entries: Sequence[HistoryEntry], job: StoredJob | None, change: Change | None
) -> Iterator[Fact]:
    for entry in reversed(entries):
        fact = fact_of_step(entry)
        if entry.what in _IN_REDIS and job:
            fact = replace(fact, notes=(*fact.notes, *_tries(job)))
        elif entry.what in _IN_LEDGER and change:
            fact = _changed(fact, change)
        yield fact


def _changed(fact: Fact, change: Change) -> Fact:
    """The fact that an event was applied, with what it changed."""
    text = f"{fact.text}: {change.text}"
    if change.late_before is None:
        return replace(fact, text=text, change=change)
    return replace(
        fact,
        what="late",
        text=text,
        links=(*fact.links, Link(Thing.EVENT, str(change.late_before))),
        change=change,
        notes=(*fact.notes, *_late(change)),
    )


def _tries(job: StoredJob) -> Iterator[str]:
    if job.retries:
        yield f"It was tried {count(job.retries, 'time')} for a reason that may pass."
    if job.deaths:
        yield f"{count(job.deaths, 'worker')} died with it in hand."


def _late(change: Change) -> Iterator[str]:
    if change.late_before:
        yield (
            "Late: a newer event was applied before it; it took its place before event "
            f"{change.late_before}."
        )


def _job(servers: Servers, event_id: str) -> StoredJob | None:
    with servers.redis() as client:
        return stored_job(client, _canonical(event_id))


def _canonical(event_id: str) -> str:
    """The job's id of an event: any form of a UUID is read."""
    with suppress(ValueError):
        return str(UUID(event_id))
    return event_id


def _stored(
    servers: Servers, entries: Sequence[HistoryEntry]
) -> tuple[EventContent | None, Change | None]:
    """What Postgres holds of the event, and what it changed."""
    with servers.database() as connection, snapshot(connection):
        for entry in entries:
            if entry.what in _IN_LEDGER and entry.facts:
                return _in_ledger(connection, entry.facts)
        letters = [entry.facts["dead_letter"] for entry in entries if entry.facts]
        full = get_letter(connection, letters[-1]) if letters else None
        if full is None:
            return None, None
        source = f"dead letter {full.letter.id}"
        return _content(source, full.payload, full.letter.payload_size), None


def _in_ledger(
    connection: Connection[TupleRow], facts: dict[str, Any]
) -> tuple[EventContent | None, Change | None]:
    event_id, interaction_id = facts["event_id"], facts["interaction_id"]
    text = event_json(connection, event_id)
    changes = changes_of(connection, [interaction_id] if interaction_id else [], [event_id])
    data = (text or "").encode()
    return _content("the ledger", data, len(data)), changes.get(event_id)


def _outboxed(servers: Servers, event_id: str) -> EventContent | None:
    with servers.outbox() as table:
        entry = table.entry(UUID(event_id)) if table else None
    if entry is None:
        return None
    data = (entry.event or "").encode()
    return _content("the outbox", data, entry.bytes)


def _content(source: str, data: bytes, size: int) -> EventContent:
    text, complete = readable_beginning(data, _MOST_SHOWN)
    fields = fields_of(data) or {}
    shown = [_field(name, value) for name, value in list(fields.items())[:_MOST_FIELDS]]
    return EventContent(source, text, complete and len(data) >= size, size, tuple(shown))


def _field(name: str, value: object) -> EventField:
    values = value if isinstance(value, list) else [value]
    texts = tuple(_text(one) for one in values[:_MOST_VALUES])
    return EventField(name[:_LONGEST_VALUE], texts, max(0, len(values) - _MOST_VALUES))


def _text(value: object) -> str:
    """A value as text, cut."""
    text = value if isinstance(value, str) else _json(value)
    if len(text) <= _LONGEST_VALUE:
        return text
    return f"{text[:_LONGEST_VALUE]}… ({len(text):,} characters)"


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        return "(too deep to be shown; see its JSON)"
