"""Events with absurd times, which a publisher may send, never stop a view."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import pytest
from approvals import approval
from insight import build_facts, view

from signoff_insight.views.registry import VIEWS

YEAR_1 = datetime(1, 1, 1, tzinfo=UTC)
"""In New York this is on the last day before the year 1, which Python has not."""


@pytest.fixture(scope="module")
def old_facts_url(databases: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """A database with purchases of the year 1 and of 2026, in New York's days."""
    with databases() as url:
        build_facts(
            url,
            [
                approval(user_id=user, occurred_at=at, customer_status=status, ltv_amount="9.90")
                for user, at in (("ann", YEAR_1), ("bob", datetime(2026, 1, 31, tzinfo=UTC)))
                for status in ("LEAD_QUALIFIED", "CUSTOMER")
            ],
            "America/New_York",
        )
        yield url


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_answers_with_an_event_of_the_year_1(old_facts_url: str, name: str) -> None:
    """The other customers are shown, and tables do not grow with the centuries between."""
    report = view(old_facts_url, name)
    assert report.tables
    for table in report.tables:
        assert len(table.rows) < 1000, table.name


@pytest.mark.parametrize("timezone", ["America/New_York", "Asia/Kolkata"])
def test_every_view_answers_when_no_other_event_is_there(database_url: str, timezone: str) -> None:
    """Days are counted back from the latest event, though there are none before the year 1."""
    event = approval(occurred_at=YEAR_1, customer_status="CUSTOMER", ltv_amount="9.90")
    build_facts(database_url, [event], timezone)
    for name in VIEWS:
        assert view(database_url, name).tables
