"""The balances of interactions and customers, to show what a replay or an edit changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
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


def subject_of(delivery: Delivery) -> Subject | None:
    """What the delivery's event changes; None without an event."""
    event = delivery.event
    return None if event is None else event.interaction_id or event.user_id


def balances_of(
    connection: Connection[TupleRow], deliveries: Sequence[Delivery]
) -> dict[Subject, Balance]:
    """The balances of what the deliveries' events change, as far as it is in Postgres."""
    subjects = {subject_of(delivery) for delivery in deliveries}
    parameters = {
        "interactions": [subject for subject in subjects if isinstance(subject, UUID)],
        "customers": [subject for subject in subjects if isinstance(subject, str)],
    }
    rows = connection.execute(statement("balances"), parameters, prepare=True, binary=True)
    return {
        interaction or customer: Balance(status, ltv)
        for interaction, customer, status, ltv in rows.fetchall()
    }
