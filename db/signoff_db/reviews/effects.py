"""The effect of an approval on its interaction, as the fold gives it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from signoff_db.sql import statement


@dataclass(frozen=True, slots=True)
class Effect:
    """What an applied approval did, in its place of the order."""

    event_id: UUID
    amount: Decimal | None
    """What the event gave."""
    status_superseded: bool
    """Whether a newer event holds the status."""
    customer_status: str
    ltv_after: Decimal
    ltv_before: Decimal

    @property
    def text(self) -> str:
        """In one line, such as `CUSTOMER, 150.00 + 50.00 = 200.00 USD`."""
        return effect_text(self.customer_status, self.ltv_before, self.amount, self.ltv_after)


def effect_text(status: str, before: Decimal, amount: Decimal | None, after: Decimal) -> str:
    """An effect in one line: the fold decides whether an amount is added or set, this tells it."""
    if amount is None:
        return f"{status}, {after} USD as before"
    if after == before + amount:
        return f"{status}, {before} + {amount} = {after} USD"
    return f"{status}, set to {after} USD (before: {before})"


def effects(
    connection: Connection[TupleRow], interactions: Sequence[UUID], events: Sequence[UUID]
) -> dict[UUID, Effect]:
    """What these events of these interactions did; those that are not applied are left out."""
    parameters = {"interactions": list(interactions), "events": list(events)}
    with connection.cursor(row_factory=class_row(Effect)) as cursor:
        rows = cursor.execute(statement("reviews/effects"), parameters).fetchall()
    return {effect.event_id: effect for effect in rows}
