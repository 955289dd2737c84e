"""A customer as its page shows it: status and LTV now, and how they came about."""

from dataclasses import dataclass, replace
from uuid import UUID

from signoff_db import reading
from signoff_db.dead_letters import DeadLetter, list_letters
from signoff_db.history.changes import changes_of
from signoff_db.history.letters import resolved_of, settled_by
from signoff_db.history.reviews import WaitingReview, waiting_of
from signoff_db.pages import Page
from signoff_db.reading import Customer
from signoff_db.selection import Selection
from signoff_ops.servers import Servers
from signoff_ops.timeline import (
    Fact,
    fact_of_entry,
    fact_of_letter,
    facts_of_discarded,
    on_page,
)
from signoff_schemas import DeadLetterState
from signoff_schemas.wording import count

MOST_LETTERS = 20
"""Open dead letters that are shown, and discarded ones."""
MOST_REVIEWS = 20
"""Waiting reviews that are shown."""
MOST_INTERACTIONS = 20
"""Interactions that are shown beside the time line."""


@dataclass(frozen=True, slots=True)
class CustomerView:
    """All that Postgres knows of a customer, read at one moment."""

    user_id: str
    state: Customer | None
    """None while no event or interaction names the customer."""
    sentence: str
    facts: tuple[Fact, ...]
    """A page of what happened, the newest first."""
    next: str | None
    """The cursor of earlier facts."""
    interactions: Page[UUID]
    """The newest of them, or the page that was asked for."""
    letters: Page[DeadLetter]
    """The customer's open dead letters, the newest first."""
    discarded: Page[DeadLetter]
    """The same of those that were discarded."""
    reviews: tuple[WaitingReview, ...]
    """Those that wait, the oldest first."""
    more_reviews: bool


def customer_view(
    servers: Servers,
    user_id: str,
    *,
    limit: int = 50,
    cursor: str | None = None,
    interactions: str | None = None,
) -> CustomerView | None:
    """What is known of a customer; None if Postgres knows none with this id.

    Looked at are customers, their interactions, the ledger, waiting reviews, and dead letters, open
    and discarded ones.

    Args:
        servers: where they are.
        user_id: any text.
        limit: the most facts of a page.
        cursor: of the page of facts before this one.
        interactions: of the page of interactions before.

    Raises:
        CursorError: a cursor is none that a page of a customer gave.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    with servers.database() as connection, reading.snapshot(connection):
        state = reading.customer(connection, user_id)
        selection = Selection(user_id=user_id)
        letters = list_letters(connection, selection, limit=MOST_LETTERS)
        gone = replace(selection, states=(DeadLetterState.DISCARDED,))
        discarded = list_letters(connection, gone, limit=MOST_LETTERS)
        waiting = waiting_of(connection, user_id, limit=MOST_REVIEWS + 1)
        if not (state or letters.items or discarded.items or waiting):
            return None
        ledger = reading.ledger_of(connection, user_id=user_id, limit=limit, cursor=cursor)
        moves = reading.transitions_by(connection, ledger.items, user_id=user_id)
        events = [entry.event_id for entry in ledger.items]
        owners = {entry.interaction_id for entry in ledger.items if entry.interaction_id}
        changes = changes_of(connection, owners, events)
        resolved = resolved_of(connection, events)
        settled = settled_by(connection, discarded.items)
        listed = reading.interactions_of(
            connection, user_id, limit=MOST_INTERACTIONS, cursor=interactions
        )
    by_event = {move.event_id: move for move in moves}
    facts = tuple(
        fact_of_entry(e, changes, by_event, resolved, of_several=True) for e in ledger.items
    )
    beside = [fact_of_letter(letter) for letter in letters.items]
    for one in settled:
        beside += facts_of_discarded(one)
    return CustomerView(
        user_id,
        state,
        _sentence(state, letters, discarded, waiting),
        on_page(facts, beside, ledger, cursor),
        ledger.next,
        listed,
        letters,
        discarded,
        tuple(waiting[:MOST_REVIEWS]),
        len(waiting) > MOST_REVIEWS,
    )


def _sentence(
    state: Customer | None,
    letters: Page[DeadLetter],
    discarded: Page[DeadLetter],
    waiting: list[WaitingReview],
) -> str:
    parts = ["No event or interaction in Postgres names this customer yet."]
    if state:
        parts = [f"{state.customer_status}, {state.ltv_usd:,.2f} USD."]
    if letters.items:
        more = " or more" if letters.next else ""
        parts.append(f"{count(len(letters.items), 'dead letter')}{more} open.")
    if discarded.items:
        more = " or more" if discarded.next else ""
        parts.append(f"{count(len(discarded.items), 'dead letter')}{more} discarded.")
    if waiting:
        more = " or more" if len(waiting) > MOST_REVIEWS else ""
        parts.append(f"{count(min(len(waiting), MOST_REVIEWS), 'review')}{more} waiting.")
    return " ".join(parts)
