"""Prospects who become customers, or do not: for tests of conversion."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

from approvals import approval

from signoff_schemas import ApprovalEvent

LAST_EVENT = datetime(2026, 6, 3, 12, tzinfo=UTC)
"""The end of the data. Two days before it, late events may be missing."""
RECENT = date(2026, 4, 25)
"""The last seven days that were observed for 30 days begin with it."""
BEFORE = date(2026, 3, 28)
"""The four weeks before begin with it."""


def at(moment: datetime, user_id: str, status: str | None = None) -> ApprovalEvent:
    """An approval that gives the customer a status, if one is named."""
    return approval(
        0, occurred_at=moment, user_id=user_id, customer_status=status, interaction_id=uuid4()
    )


def entries(
    day: date, customers: int, converted: int, *, after: timedelta = timedelta(days=3)
) -> Iterator[ApprovalEvent]:
    """The events of new prospects of a day, of whom some become customers so much later."""
    entered = datetime.combine(day, time(9), UTC)
    for number in range(customers):
        user_id = f"{day}-{uuid4()}"
        yield at(entered, user_id)
        if number < converted:
            yield at(entered + after, user_id, "CUSTOMER")


def end_of_data() -> ApprovalEvent:
    """The last event."""
    return at(LAST_EVENT, "last")
