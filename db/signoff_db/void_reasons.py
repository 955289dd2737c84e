"""Why status decisions are void now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.sql import statement


class VoidCause(StrEnum):
    """The reasons for which a decision has no effect."""

    NOT_ARRIVED = "not_arrived"
    """The event that it rests on is not in the ledger."""
    OTHER_CUSTOMER = "other_customer"
    """The event that it rests on is of another customer."""
    RESTS_ON_LATER = "rests_on_later"
    """The event that it rests on occurred after the decision."""
    STANDS_BETWEEN = "stands_between"
    """Another event stands between the event that it rests on and the decision."""
    DETACHED = "detached"
    """Likewise, but that event is in a partition of the ledger that was detached."""


@dataclass(frozen=True, slots=True)
class VoidReason:
    """Why a decision is void now."""

    cause: VoidCause
    event_id: UUID
    """The event that is the reason; for `detached`, the one that the decision rests on."""
    occurred_at: datetime | None
    """When that event occurred; None if it is not known."""

    def __str__(self) -> str:
        """The reason as the end of a sentence."""
        match self.cause:
            case VoidCause.NOT_ARRIVED:
                return f"it waits for event {self.event_id}, which it rests on"
            case VoidCause.OTHER_CUSTOMER:
                return f"event {self.event_id}, which it rests on, is of another customer"
            case VoidCause.RESTS_ON_LATER:
                return f"event {self.event_id}, which it rests on, occurred after it"
            case VoidCause.STANDS_BETWEEN:
                return f"event {self.event_id} stands between it and the event it rests on"
            case VoidCause.DETACHED:
                return (
                    "an event of a detached partition stands between it and event "
                    f"{self.event_id}, which it rests on"
                )


def void_reasons(
    connection: Connection[TupleRow], events: Sequence[UUID]
) -> dict[UUID, VoidReason]:
    """Why those of the events are void that are void decisions; by event."""
    rows = connection.execute(statement("void_reasons"), {"events": list(events)})
    return {
        decision: VoidReason(VoidCause(cause), event_id, occurred_at)
        for decision, cause, event_id, occurred_at in rows.fetchall()
    }
