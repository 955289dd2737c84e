"""The balances of interactions and customers, to show what a replay or an edit changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Self
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.delivery import Delivery
from signoff_db.sql import statement

Subject = UUID | str
"""What an event changes: an approval its interaction, a status decision its customer."""


@dataclass(frozen=True, slots=True)
class Balance:
    """The status and the LTV of an interaction, or of a customer."""

    customer_status: str
    ltv_usd: Decimal


Balances = Sequence[Balance | None]
"""One for each subject; None for one that is not in Postgres, or was not asked for."""


@dataclass(frozen=True, slots=True)
class Touched:
    """What the events of some deliveries change, each once."""

    interactions: list[UUID]
    customers: list[str]
    places: list[int | None]
    """For each delivery, the position of what it changes: interactions come first. None for one
    without an event."""

    @classmethod
    def of(cls, deliveries: Sequence[Delivery]) -> Self:
        """What these deliveries' events change."""
        subjects = [subject_of(delivery) for delivery in deliveries]
        distinct = dict.fromkeys(subjects)
        interactions = [subject for subject in distinct if isinstance(subject, UUID)]
        customers = [subject for subject in distinct if isinstance(subject, str)]
        order: list[Subject] = [*interactions, *customers]
        position = {subject: place for place, subject in enumerate(order)}
        places = [None if subject is None else position[subject] for subject in subjects]
        return cls(interactions, customers, places)

    def subject(self, place: int) -> Subject:
        """The interaction or the customer in this position."""
        if place < len(self.interactions):
            return self.interactions[place]
        return self.customers[place - len(self.interactions)]

    def is_interaction(self, place: int) -> bool:
        """Whether there is an interaction in this position."""
        return place < len(self.interactions)

    def nothing(self) -> Balances:
        """The balances if nobody asked for them."""
        return [None] * (len(self.interactions) + len(self.customers))


def subject_of(delivery: Delivery) -> Subject | None:
    """What the delivery's event changes; None without an event."""
    event = delivery.event
    return None if event is None else event.interaction_id or event.user_id


def balances_of(connection: Connection[TupleRow], touched: Touched) -> Balances:
    """The balances now of what some events change."""
    parameters = {"interactions": touched.interactions, "customers": touched.customers}
    rows = connection.execute(statement("balances"), parameters, prepare=True, binary=True)
    balances = list(touched.nothing())
    for place, status, ltv in rows.fetchall():
        balances[place] = Balance(status, ltv)
    return balances
