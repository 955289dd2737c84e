"""The time line of an event, an interaction or a customer: facts, with links to what they name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from signoff_db.dead_letters import DeadLetter
from signoff_db.history.changes import Change
from signoff_db.history.letters import SettledLetter
from signoff_db.operator_actions import Action
from signoff_db.pages import Page
from signoff_db.reading import LedgerEntry, Transition, moment_of
from signoff_ops.event_history import HistoryEntry, Step
from signoff_schemas import DeadLetterState


class Thing(StrEnum):
    """What has a page of its own."""

    EVENT = "event"
    INTERACTION = "interaction"
    CUSTOMER = "customer"
    LETTER = "dead letter"
    CAUSE = "cause"
    OPERATION = "operation"


@dataclass(frozen=True, slots=True)
class Link:
    """A thing that a fact names."""

    thing: Thing
    key: str
    """Its id."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened, or that is so now."""

    at: datetime | None
    """When it happened; None, or in the future, for the present state."""
    what: str
    """In a word or two, such as `applied`."""
    text: str
    links: tuple[Link, ...] = ()
    change: Change | None = None
    """What it changed, of an approval."""
    notes: tuple[str, ...] = ()
    """What else is to be known of it, a sentence each."""
    is_trouble: bool = False
    """Whether somebody may have to act."""


_TROUBLES: Final = frozenset({Step.REFUSED, Step.FAILED, Step.OVERSIZED, Step.UNLISTED})


def fact_of_step(entry: HistoryEntry) -> Fact:
    """An entry of the history of an event."""
    facts = entry.facts or {}
    links = [Link(thing, str(facts[name])) for name, thing in _NAMED.items() if facts.get(name)]
    open_letter = entry.what is Step.DEAD and facts.get("state") == "dead"
    return Fact(
        entry.at,
        str(entry.what).replace("_", " "),
        entry.text,
        tuple(links),
        notes=tuple(_notes_of_step(facts)),
        is_trouble=open_letter or entry.what in _TROUBLES,
    )


_NAMED: Final[Mapping[str, Thing]] = {
    "interaction_id": Thing.INTERACTION,
    "user_id": Thing.CUSTOMER,
    "rests_on": Thing.EVENT,
    "dead_letter": Thing.LETTER,
    "fingerprint": Thing.CAUSE,
    "operation": Thing.OPERATION,
}


def _notes_of_step(facts: Mapping[str, object]) -> Iterator[str]:
    attempts = facts.get("attempts")
    if isinstance(attempts, int) and attempts > 1:
        yield f"It was tried {attempts:,} times."
    if facts.get("decided_by"):
        yield f"Decided by {facts['decided_by']}, because: {facts['reason']}"


def fact_of_entry(
    entry: LedgerEntry,
    changes: Mapping[UUID, Change],
    moves: Mapping[UUID, Transition],
    resolved: Mapping[UUID, Sequence[SettledLetter]],
    *,
    of_several: bool,
) -> Fact:
    """An event of the ledger, at the time when it occurred, with the letters that it had."""
    change = changes.get(entry.event_id)
    letters = resolved.get(entry.event_id, ())
    notes = [*_notes_of_entry(entry, change, moves.get(entry.event_id)), *map(_was_dead, letters)]
    links = [*_links_of_entry(entry, change, of_several=of_several)]
    for settled in letters:
        links += _links_of_settled(settled)
    return Fact(
        entry.occurred_at,
        _verdict(entry, change),
        change.text if change else _said(entry),
        tuple(links),
        change,
        tuple(notes),
    )


def _verdict(entry: LedgerEntry, change: Change | None) -> str:
    if entry.void:
        return "void"
    return "late" if change and change.late_before else "applied"


def _said(entry: LedgerEntry) -> str:
    """What a status decision says."""
    if entry.decided_by is None:
        return "of the ledger"
    return f"{entry.decided_by} decided {entry.given_status}, because: {entry.reason}"


def _links_of_entry(
    entry: LedgerEntry, change: Change | None, *, of_several: bool
) -> Iterator[Link]:
    yield Link(Thing.EVENT, str(entry.event_id))
    if of_several and entry.interaction_id:
        yield Link(Thing.INTERACTION, str(entry.interaction_id))
    if entry.void_because:
        yield Link(Thing.EVENT, str(entry.void_because.event_id))
    elif entry.rests_on:
        yield Link(Thing.EVENT, str(entry.rests_on))
    if change and change.late_before:
        yield Link(Thing.EVENT, str(change.late_before))


def _notes_of_entry(
    entry: LedgerEntry, change: Change | None, move: Transition | None
) -> Iterator[str]:
    if entry.void_because:
        yield f"Void: {entry.void_because}."
    if change and change.late_before:
        yield (
            "Late: a newer event was applied before it; it took its place before event "
            f"{change.late_before}."
        )
    if entry.status_superseded:
        yield "A newer event holds the status now."
    if move:
        path = "" if move.on_path else ", a step off the path"
        yield f"It moved the customer from {move.from_status} to {move.to_status}{path}."


def fact_of_letter(letter: DeadLetter) -> Fact:
    """That an event became a dead letter."""
    links = [Link(Thing.LETTER, str(letter.id)), Link(Thing.CAUSE, letter.fingerprint)]
    if letter.event_id:
        links.insert(0, Link(Thing.EVENT, str(letter.event_id)))
    notes = [f"It was tried {letter.attempts:,} times."] if letter.attempts > 1 else []
    text = f"dead letter {letter.id}, {letter.kind}: {letter.message}"
    is_open = letter.state is DeadLetterState.DEAD
    return Fact(
        letter.first_failed_at, "dead", text, tuple(links), notes=tuple(notes), is_trouble=is_open
    )


def facts_of_discarded(settled: SettledLetter) -> Iterator[Fact]:
    """A letter that was discarded: when it became one, and who gave it up."""
    letter = settled.letter
    yield fact_of_letter(letter)
    text = f"dead letter {letter.id} was {_how(settled)}; its event was not applied then"
    yield Fact(letter.resolved_at, "discarded", text, tuple(_links_of_settled(settled)))


def _was_dead(settled: SettledLetter) -> str:
    letter = settled.letter
    return f"It was dead letter {letter.id} ({letter.kind}) before: {_how(settled)}."


def _how(settled: SettledLetter) -> str:
    """How a letter was settled."""
    by = settled.by
    if by is None:
        return (
            "its event arrived again"
            if settled.letter.state is DeadLetterState.RESOLVED
            else "discarded"
        )
    because = f", because: {by.reason}" if by.reason else ""
    return f"{_DID.get(by.action, by.action)} by {by.actor}{because}"


_DID: Final = {Action.REPLAY: "replayed", Action.EDIT: "edited", Action.DISCARD: "discarded"}


def _links_of_settled(settled: SettledLetter) -> Iterator[Link]:
    yield Link(Thing.LETTER, str(settled.letter.id))
    if settled.by and settled.by.operation_id:
        yield Link(Thing.OPERATION, str(settled.by.operation_id))


def on_page(
    of_ledger: Sequence[Fact],
    others: Sequence[Fact],
    page: Page[LedgerEntry],
    cursor: str | None,
) -> tuple[Fact, ...]:
    """The facts of a page of the ledger, and of those beside it that happened in its time.

    Of what happened later than a page's first event, the page before it tells; of what happened
    before its last one, the next page, if there is one.
    """
    newest = moment_of(cursor)
    oldest = page.items[-1].occurred_at if page.next and page.items else None
    beside = [
        fact
        for fact in others
        if fact.at is not None
        and (newest is None or fact.at < newest)
        and (oldest is None or fact.at >= oldest)
    ]
    return tuple(sorted([*of_ledger, *beside], key=lambda fact: fact.at or _NEVER, reverse=True))


_NEVER: Final = datetime.min.replace(tzinfo=UTC)
