"""What an event changed in its interaction, as the fold has it now."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.sql import statement

_ADDS: Final = "CUSTOMER"
"""With this status an amount is added; with any other it replaces the LTV (signoff_fold)."""


@dataclass(frozen=True, slots=True)
class Change:
    """An interaction before and after one of its events, in the order of occurrence."""

    status_before: str
    ltv_before: Decimal
    status_after: str
    ltv_after: Decimal
    given_status: str | None
    given_ltv: Decimal | None
    late_before: UUID | None
    """The event before which it took its place, where a newer event was applied before it."""

    @property
    def text(self) -> str:
        """What the event did, such as `set CUSTOMER and added 50.00`."""
        did = [f"set {self.given_status}"] if self.given_status else []
        if self.given_ltv is not None:
            adds = self.status_after == _ADDS
            did.append(
                f"added {self.given_ltv:,}" if adds else f"set the LTV to {self.given_ltv:,}"
            )
        return " and ".join(did) or "gave neither status nor amount"


def changes_of(
    connection: Connection[TupleRow], interactions: Collection[UUID], events: Collection[UUID]
) -> Mapping[UUID, Change]:
    """What these events of these interactions changed; by event."""
    if not interactions:
        return {}
    parameters = {"interactions": list(interactions), "events": list(events)}
    rows = connection.execute(statement("history/changes"), parameters).fetchall()
    return {event_id: Change(*columns) for event_id, *columns in rows}
