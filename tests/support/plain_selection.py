"""Which customers, and which time, was asked for: in plain Python."""

from collections.abc import Iterable
from datetime import datetime

from plain_insight import PlainCustomer, day_of, month_of

from signoff_insight.report import Asked


def chosen(
    customers: Iterable[PlainCustomer], asked: Asked, timezone: str = "UTC"
) -> list[PlainCustomer]:
    """The customers of a cohort by the first event, of a reviewer, with a tag."""
    return [
        one
        for one in customers
        if (asked.cohort is None or month_of(one.first_event_at, timezone) == asked.cohort)
        and (asked.reviewer is None or one.first_reviewer == asked.reviewer)
        and (asked.tag is None or asked.tag in one.first_tags)
    ]


def is_asked(instant: datetime, asked: Asked, timezone: str = "UTC") -> bool:
    """Whether it was on one of the days asked for."""
    day = day_of(instant, timezone)
    return (asked.since is None or day >= asked.since) and (
        asked.until is None or day < asked.until
    )
