"""What was asked for, as the parameters of a statement."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff_insight.report import Asked, Reach
from signoff_insight.views.selection import begin_of, selection

ZONES = ["UTC", "America/New_York", "Asia/Kolkata", "America/Havana", "Africa/Cairo", "Asia/Beirut"]
END = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "timezone", "instant"),
    [
        (date(2026, 3, 1), "UTC", datetime(2026, 3, 1, tzinfo=UTC)),
        (date(2026, 3, 1), "America/New_York", datetime(2026, 3, 1, 5, tzinfo=UTC)),
        (date(2026, 7, 1), "America/New_York", datetime(2026, 7, 1, 4, tzinfo=UTC)),
        (date(2026, 3, 1), "Asia/Kolkata", datetime(2026, 2, 28, 18, 30, tzinfo=UTC)),
        # This day has no midnight: clocks went from 24:00 to 1:00.
        (date(2024, 4, 26), "Africa/Cairo", datetime(2024, 4, 25, 22, tzinfo=UTC)),
        # This day has two: clocks went back from 1:00 to 0:00.
        (date(2024, 11, 3), "America/Havana", datetime(2024, 11, 3, 4, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_its_first_instant(day: date, timezone: str, instant: datetime) -> None:
    """In the time zone, also where clocks are changed at midnight."""
    assert begin_of(day, timezone) == instant


@given(st.dates(date(2000, 1, 1), date(2035, 1, 1)), st.sampled_from(ZONES))
def test_the_instant_before_is_on_another_day(day: date, timezone: str) -> None:
    """The begin of a day is on it, and the microsecond before is on the day before."""
    begin, zone = begin_of(day, timezone), ZoneInfo(timezone)
    assert begin.astimezone(zone).date() == day
    assert (begin - timedelta(microseconds=1)).astimezone(zone).date() == day - timedelta(days=1)


def test_w_days_are_hours_and_end_with_the_latest_event() -> None:
    """The day on which clocks change has 24 hours as well."""
    reach = Reach("America/New_York", END, None)
    parameters = selection(Asked(within=7), reach)
    assert parameters["within"] == timedelta(hours=7 * 24)
    assert parameters["observed_until"] == END
    assert parameters["mature_until"] == END - timedelta(hours=7 * 24)


def test_a_cohort_lasts_until_the_next_month() -> None:
    """In the time zone, over the change of the year."""
    reach = Reach("Asia/Kolkata", END, None)
    parameters = selection(Asked(cohort=date(2025, 12, 1)), reach)
    assert parameters["cohort_begins"] == datetime(2025, 11, 30, 18, 30, tzinfo=UTC)
    assert parameters["cohort_ends"] == datetime(2025, 12, 31, 18, 30, tzinfo=UTC)


def test_what_is_not_asked_is_null() -> None:
    """And there may be no event at all."""
    parameters = selection(Asked(), Reach("UTC", None, None))
    names = {name for name, value in parameters.items() if value is not None}
    assert names == {"timezone", "within"}
