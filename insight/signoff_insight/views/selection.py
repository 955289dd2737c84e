"""The parameters of the views' statements, from what was asked."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from signoff_insight.report import Asked, Reach, add_months
from signoff_schemas import EDIT_TAGS

DAY: Final = timedelta(hours=24)


def selection(asked: Asked, reach: Reach) -> dict[str, object]:
    """What statements of views name.

    - `timezone`: the name of the time zone of the facts.
    - `since`, `until`: the instants at which the days asked for begin, or null.
    - `cohort_begins`, `cohort_ends`: from when to when the month of the cohort lasts, or null.
    - `reviewer`: text or null; `tag_bit`: the tag's bit, or null.
    - `within`: W days, an interval of hours.
    - `observed_until`: the latest event E, or null; `mature_until`: W days before it.
    """
    within = asked.within * DAY
    cohort = asked.cohort
    return {
        "timezone": reach.timezone,
        "since": asked.since and begin_of(asked.since, reach.timezone),
        "until": asked.until and begin_of(asked.until, reach.timezone),
        "cohort_begins": cohort and begin_of(cohort, reach.timezone),
        "cohort_ends": cohort and begin_of(add_months(cohort, 1), reach.timezone),
        "reviewer": asked.reviewer,
        "tag_bit": asked.tag and tag_bit(asked.tag),
        "within": within,
        "observed_until": reach.data_until,
        "mature_until": reach.data_until and reach.data_until - within,
    }


def begin_of(day: date, timezone: str) -> datetime:
    """The instant at which a day begins in a time zone."""
    return datetime.combine(day, time.min, ZoneInfo(timezone)).astimezone(UTC)


def last_day(reach: Reach) -> date | None:
    """The day of the latest event, in the time zone of the facts; None without any."""
    until = reach.data_until
    return until.astimezone(ZoneInfo(reach.timezone)).date() if until else None


def tag_bit(tag: str) -> int:
    """The bit of an edit tag in the facts; see the SQL function `signoff_tag_bits`."""
    return 1 << EDIT_TAGS.index(tag)


def tags_of(bits: int) -> Sequence[str]:
    """The edit tags of some bits, in the order of the taxonomy."""
    return [tag for place, tag in enumerate(EDIT_TAGS) if bits >> place & 1]
