"""The balances of interactions, to show what a replay or an edit changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.delivery import Delivery
from signoff_db.sql import statement


@dataclass(frozen=True, slots=True)
class Balance:
    """The status and the LTV of an interaction."""

    customer_status: str
    ltv_usd: Decimal


def balances_of(
    connection: Connection[TupleRow], deliveries: Sequence[Delivery]
) -> dict[UUID, Balance]:
    """The balances of the deliveries' interactions, as far as they are in Postgres."""
    interactions = list({d.event.interaction_id for d in deliveries if d.event})
    rows = connection.execute(
        statement("balances"), {"interactions": interactions}, prepare=True, binary=True
    )
    return {interaction: Balance(status, ltv) for interaction, status, ltv in rows.fetchall()}
