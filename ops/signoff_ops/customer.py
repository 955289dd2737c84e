"""A customer, and an interaction: what is held now, and how it came to that."""

from dataclasses import dataclass
from uuid import UUID

from signoff_db import reading
from signoff_db.reading import Customer, Interaction, LedgerEntry, Transition
from signoff_ops.servers import Servers


@dataclass(frozen=True, slots=True)
class CustomerHistory:
    """One customer, from one moment of the database."""

    state: Customer
    interactions: tuple[UUID, ...]
    """The oldest first."""
    ledger: tuple[LedgerEntry, ...]
    """The events of all interactions, in order of occurrence."""
    transitions: tuple[Transition, ...]


@dataclass(frozen=True, slots=True)
class InteractionHistory:
    """One interaction, from one moment of the database."""

    state: Interaction
    ledger: tuple[LedgerEntry, ...]
    """Its events, in order of occurrence."""
    transitions: tuple[Transition, ...]
    """Those of its customer that its events caused."""


def customer_history(servers: Servers, user_id: str) -> CustomerHistory | None:
    """A customer with all that was applied; None where no interaction names the user.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    with servers.database() as connection, reading.snapshot(connection):
        state = reading.customer(connection, user_id)
        if state is None:
            return None
        interactions = reading.interactions_of(connection, user_id)
        return CustomerHistory(
            state,
            tuple(interactions),
            tuple(reading.ledger_of(connection, interactions)),
            tuple(reading.transitions_of(connection, user_id=user_id)),
        )


def interaction_history(servers: Servers, interaction_id: UUID) -> InteractionHistory | None:
    """An interaction with all that was applied to it; None where Postgres does not hold it.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    with servers.database() as connection, reading.snapshot(connection):
        state = reading.interaction(connection, interaction_id)
        if state is None:
            return None
        moves = reading.transitions_of(
            connection, user_id=state.user_id, interaction_id=interaction_id
        )
        ledger = reading.ledger_of(connection, [interaction_id])
        return InteractionHistory(state, tuple(ledger), tuple(moves))
