"""An interaction as its page shows it: its state, its review, its events, its dead letters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db import reading
from signoff_db.dead_letters import DeadLetter, list_letters
from signoff_db.history.changes import changes_of
from signoff_db.history.letters import SettledLetter, resolved_of, settled_by
from signoff_db.history.reviews import MOST_DECISIONS, PastDecision, decisions_about
from signoff_db.pages import Page
from signoff_db.reading import Interaction, LedgerEntry
from signoff_db.reviews.reading import Review, ReviewState
from signoff_db.reviews.reading import find as find_review
from signoff_db.selection import Selection
from signoff_ops.event_history import EventHistory, event_history
from signoff_ops.event_view import not_known, state_of
from signoff_ops.servers import Servers
from signoff_ops.timeline import (
    Fact,
    Link,
    Thing,
    fact_of_entry,
    fact_of_letter,
    facts_of_discarded,
    on_page,
)
from signoff_schemas import DeadLetterState
from signoff_schemas.wording import count

MOST_LETTERS = 20
"""Open dead letters that are shown, and discarded ones."""


@dataclass(frozen=True, slots=True)
class InteractionView:
    """All that Postgres knows of an interaction, read at one moment."""

    id: UUID
    user_id: str | None
    state: Interaction | None
    """None while no event of it was applied, and no other system wrote it."""
    sentence: str
    """What it holds, and where its review is."""
    facts: tuple[Fact, ...]
    """A page of what happened, the newest first."""
    next: str | None
    """The cursor of earlier facts."""
    letters: Page[DeadLetter]
    """Its open dead letters, the newest first."""
    discarded: Page[DeadLetter]
    """The same of those that were discarded."""


def interaction_view(
    servers: Servers, interaction_id: UUID, *, limit: int = 50, cursor: str | None = None
) -> InteractionView | None:
    """What is known of an interaction; None if Postgres knows none with this id.

    Looked at are interactions, the ledger, reviews, and dead letters, open and discarded ones.
    Events of the ledger stand where they occurred, with the letters that they had.

    Raises:
        CursorError: the cursor is none that a page of this interaction gave.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    with servers.database() as connection, reading.snapshot(connection):
        found = _Found.read(connection, interaction_id, limit, cursor)
    if found.is_nothing:
        return None
    return InteractionView(
        interaction_id,
        found.user_id,
        found.state,
        _sentence(servers, found),
        on_page(found.of_ledger, [*dict.fromkeys(found.beside_the_ledger())], found.ledger, cursor),
        found.ledger.next,
        found.letters,
        found.discarded,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """What was read of it."""

    state: Interaction | None
    ledger: Page[LedgerEntry]
    of_ledger: tuple[Fact, ...]
    review: Review | None
    decisions: Sequence[PastDecision]
    letters: Page[DeadLetter]
    discarded: Page[DeadLetter]
    settled: Sequence[SettledLetter]
    """The discarded ones, with who did it."""

    @classmethod
    def read(
        cls,
        connection: Connection[TupleRow],
        interaction_id: UUID,
        limit: int,
        cursor: str | None,
    ) -> "_Found":
        ledger = reading.ledger_of(
            connection, interaction_id=interaction_id, limit=limit, cursor=cursor
        )
        state = reading.interaction(connection, interaction_id)
        user_id = state.user_id if state else None
        moves = reading.transitions_by(
            connection, ledger.items, user_id=user_id, interaction_id=interaction_id
        )
        events = [entry.event_id for entry in ledger.items]
        changes = changes_of(connection, [interaction_id] if events else [], events)
        by_event = {move.event_id: move for move in moves}
        resolved = resolved_of(connection, events)
        selection = Selection(interaction_id=interaction_id)
        gone = replace(selection, states=(DeadLetterState.DISCARDED,))
        discarded = list_letters(connection, gone, limit=MOST_LETTERS)
        return cls(
            state,
            ledger,
            tuple(
                fact_of_entry(e, changes, by_event, resolved, of_several=False)
                for e in ledger.items
            ),
            find_review(connection, interaction_id),
            decisions_about(connection, interaction_id),
            list_letters(connection, selection, limit=MOST_LETTERS),
            discarded,
            settled_by(connection, discarded.items),
        )

    @property
    def is_nothing(self) -> bool:
        letters = self.letters.items or self.discarded.items
        return not (self.state or self.ledger.items or self.review or letters)

    @property
    def user_id(self) -> str | None:
        if self.state and self.state.user_id:
            return self.state.user_id
        if self.review:
            return self.review.user_id
        letters = (*self.letters.items, *self.discarded.items)
        return next((one.user_id for one in letters if one.user_id), None)

    def beside_the_ledger(self) -> Iterator[Fact]:
        """What happened to its review, and its dead letters that are not applied."""
        yield from map(fact_of_letter, self.letters.items)
        for settled in self.settled:
            yield from facts_of_discarded(settled)
        if self.review:
            yield from _of_review(self.review)
        for decision in self.decisions:
            yield from _of_decision(decision)


def _of_review(review: Review) -> Iterator[Fact]:
    by = f" by {review.posted_by}" if review.posted_by else ""
    yield Fact(review.received_at, "posted", f"a draft was posted for review{by}")
    if review.state is ReviewState.PENDING and review.opened_at and review.claimed_by:
        yield Fact(review.opened_at, "opened", f"{review.claimed_by} opened the review")


def _of_decision(decision: PastDecision) -> Iterator[Fact]:
    by = f" by {decision.reviewer}" if decision.reviewer else ""
    because = f", because: {decision.reject_reason}" if decision.reject_reason else ""
    links = (Link(Thing.EVENT, str(decision.event_id)),) if decision.event_id else ()
    text = f"the review was {decision.decision}{by}{because}"
    if decision.decision == ReviewState.EXPIRED:
        text = "the review expired before anybody decided"
    if decision.undone_at:
        yield Fact(
            decision.undone_at, "undone", f"{decision.reviewer} undid: {decision.decision}", links
        )
        links = ()
    yield Fact(decision.decided_at, decision.decision, text, links)
    if decision.opened_at and decision.reviewer:
        text = f"{decision.reviewer} opened the review"
        yield Fact(decision.opened_at, "opened", text)


def _sentence(servers: Servers, found: _Found) -> str:
    parts = [_of_state(found.state)]
    if found.review:
        parts.append(_of_pending(servers, found, found.review))
    if found.letters.items:
        more = " or more" if found.letters.next else ""
        parts.append(f"{count(len(found.letters.items), 'dead letter')}{more} of it open.")
    if found.discarded.items:
        more = " or more" if found.discarded.next else ""
        discarded = count(len(found.discarded.items), "dead letter")
        parts.append(f"{discarded}{more} of it discarded.")
    if len(found.decisions) == MOST_DECISIONS:
        parts.append(f"Of its review the newest {MOST_DECISIONS} decisions are shown.")
    return " ".join(parts)


def _of_state(state: Interaction | None) -> str:
    if state is None:
        return "No event of it was applied yet."
    holds = f"{state.customer_status or 'No status'}, {state.ltv_usd or 0:,.2f} USD"
    if state.review_completed_at is None:
        return f"{holds}; no event of it was applied yet."
    return f"{holds}."


def _of_pending(servers: Servers, found: _Found, review: Review) -> str:
    """Where its review is, and the event of an approval that is not in the ledger."""
    if review.state is not ReviewState.PENDING:
        return _of_decided(servers, found, review)
    if review.claimed_by:
        return f"{review.claimed_by} holds its review."
    if review.expires_at and review.expires_at <= datetime.now(UTC):
        return "Its review has expired."
    return "Its review waits for a reviewer."


def _of_decided(servers: Servers, found: _Found, review: Review) -> str:
    said = f"Its review was {review.state} by {review.decided_by}."
    if review.state is ReviewState.EXPIRED:
        return "Its review has expired."
    if review.event_id is None or any(e.event_id == review.event_id for e in found.ledger.items):
        return said
    history: EventHistory = event_history(servers, str(review.event_id))
    return " ".join(
        [f"{said} The approval: {state_of(history, servers)}", *not_known(servers, history.away)]
    )
