"""The present state and the history of a customer or an interaction.

Histories are pages with opaque cursors, the latest events first.
"""

from dataclasses import dataclass
from uuid import UUID

from signoff_db import reading
from signoff_db.pages import Page
from signoff_db.reading import Customer, Interaction, LedgerEntry, Transition
from signoff_ops.servers import Servers


@dataclass(frozen=True, slots=True)
class CustomerHistory:
    """The state and history of a customer, read at one moment."""

    state: Customer
    interactions: Page[UUID]
    """The first page of them, the newest first; see `customer_interactions`."""
    ledger: Page[LedgerEntry]
    """The events of all interactions, and status decisions, the latest first."""
    transitions: tuple[Transition, ...]
    """Those that the events of this page caused, in order of occurrence."""


@dataclass(frozen=True, slots=True)
class InteractionHistory:
    """The state and history of an interaction, read at one moment."""

    state: Interaction
    ledger: Page[LedgerEntry]
    """Its events, the latest first."""
    transitions: tuple[Transition, ...]
    """Those of its customer that the events of this page caused, in order of occurrence."""


def customer_history(
    servers: Servers, user_id: str, *, limit: int = 50, cursor: str | None = None
) -> CustomerHistory | None:
    """A customer with a page of what was applied; None where no event or interaction names it.

    Raises:
        CursorError: the cursor is none that the ledger of a history gave.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    with servers.database() as connection, reading.snapshot(connection):
        state = reading.customer(connection, user_id)
        if state is None:
            return None
        ledger = reading.ledger_of(connection, user_id=user_id, limit=limit, cursor=cursor)
        return CustomerHistory(
            state,
            reading.interactions_of(connection, user_id, limit=limit),
            ledger,
            tuple(reading.transitions_by(connection, ledger.items, user_id=user_id)),
        )


def customer_interactions(
    servers: Servers, user_id: str, *, limit: int = 50, cursor: str | None = None
) -> Page[UUID] | None:
    """A page of the ids of a customer's interactions, the newest first; None as above.

    Raises:
        CursorError: the cursor is none that this list gave.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    with servers.database() as connection, reading.snapshot(connection):
        if reading.customer(connection, user_id) is None:
            return None
        return reading.interactions_of(connection, user_id, limit=limit, cursor=cursor)


def interaction_history(
    servers: Servers, interaction_id: UUID, *, limit: int = 50, cursor: str | None = None
) -> InteractionHistory | None:
    """An interaction with a page of what was applied; None where Postgres does not hold it.

    Raises:
        CursorError: the cursor is none that the ledger of a history gave.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    with servers.database() as connection, reading.snapshot(connection):
        state = reading.interaction(connection, interaction_id)
        if state is None:
            return None
        ledger = reading.ledger_of(
            connection, interaction_id=interaction_id, limit=limit, cursor=cursor
        )
        moves = reading.transitions_by(
            connection, ledger.items, user_id=state.user_id, interaction_id=interaction_id
        )
        return InteractionHistory(state, ledger, tuple(moves))
