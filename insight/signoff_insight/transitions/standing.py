"""What is known of a customer at an instant.

The same statement computes it for a run, which asks about now, and for a backtest, which asks about
then: from the events that were there, and nothing else.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from signoff_schemas import CustomerStatus

_DAY: Final = timedelta(days=1)


class Basis(StrEnum):
    """Which events were known at an instant."""

    APPLIED = "applied"
    """Those that had been applied by then."""
    OCCURRED = "occurred"
    """Those that had occurred by then, whenever they arrived: for history that was imported."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What was known of a customer; money is in USD, days with a purchase are in a time zone."""

    user_id: str
    customer_status: CustomerStatus
    status_since: datetime | None
    """None if another system gave the status before the customer's first event."""
    last_approval_at: datetime
    evidence_event: UUID
    """The id of the last approval."""
    rests_on: UUID
    """The id of the last event of any kind that was not void."""
    last_event_at: datetime
    """When that event occurred."""
    approvals: int
    approvals_in_status: int
    """Approvals after the event that gave the status."""
    ctas: int
    """Approvals with a CTA."""
    purchase_days: int
    first_purchase_on: date | None
    last_purchase_on: date | None
    spent_usd: Decimal
    """The sum of its purchases."""
    repeat_spent_usd: Decimal
    """The sum of those after the first day with a purchase."""
    ltv_usd: Decimal
    """The folded LTV."""
    last_human_status_at: datetime | None
    """When a person last gave it a status: an approval with one, or a decision of `user:…`."""
    is_whole: bool
    """Whether all its events are in the ledger; False if some were in detached partitions."""

    def silent_days(self, at: datetime) -> int:
        """Whole days of 24 hours since the last approval."""
        return (at - self.last_approval_at) // _DAY
