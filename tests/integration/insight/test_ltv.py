"""LTV by cohort: every cell equals a plain computation over the events."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
from approvals import approval
from insight import answer, build_facts, cells, view
from plain_cohorts import PlainCohort, plain_cohorts
from plain_insight import PlainCustomer, day_of, latest
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.facts.state import reach_of
from signoff_insight.report import Asked
from signoff_insight.views.cohort_ages import filters
from signoff_insight.views.reading import text_of
from signoff_schemas import ApprovalEvent

Customers = Mapping[str, PlainCustomer]
Facts = Connection[TupleRow]
CENT = Decimal("0.01")


@pytest.mark.parametrize("reviewer", [None, "rev-1"])
def test_every_cell_of_the_sample_is_what_plain_python_adds_up(
    cdnow_facts: Facts, cdnow_customers: Customers, reviewer: str | None
) -> None:
    """What was spent by each age, to the cent; also of the customers of one reviewer."""
    end = latest(cdnow_customers)
    assert end is not None
    expected = [
        (
            one.month,
            age,
            len(one.members),
            one.spent_until(age),
            (one.spent_until(age) / len(one.members)).quantize(CENT),
        )
        for one in _cohorts(cdnow_customers, reviewer)
        for age in range(60)
        if one.is_observed(age, day_of(end))
    ]
    rows = answer(cdnow_facts, "ltv", Asked(reviewer=reviewer)).table("cells").rows
    assert list(rows) == expected
    assert len(rows) > 30


@pytest.mark.parametrize("reviewer", [None, "rev-1"])
def test_totals_of_the_sample_are_those_of_purchases_and_of_the_fold(
    cdnow_facts: Facts, cdnow_customers: Customers, reviewer: str | None
) -> None:
    """Purchases until now and the folded LTV stand side by side."""
    expected = []
    for one in _cohorts(cdnow_customers, reviewer):
        spent = sum((p.usd for c in one.members for p in c.purchases), Decimal(0))
        folded = sum((c.ltv_usd for c in one.members), Decimal(0))
        each = [(total / len(one.members)).quantize(CENT) for total in (spent, folded)]
        expected.append((one.month, len(one.members), spent, folded, *each))
    rows = answer(cdnow_facts, "ltv", Asked(reviewer=reviewer)).table("cohorts").rows
    assert list(rows) == expected


def test_an_amount_outside_of_a_purchase_is_in_the_folded_ltv_alone(database_url: str) -> None:
    """Two names, two numbers."""
    build_facts(
        database_url,
        [
            _paid("ann", "2026-01-03", usd="10"),
            _paid("ann", "2026-01-09", usd="7", status="LEAD_QUALIFIED"),
            _paid("bob", "2026-01-05", usd="2.50"),
            _paid("bob", "2026-03-02", usd="1"),
        ],
    )
    report = view(database_url, "ltv")
    month = date(2026, 1, 1)
    total = cells(report, "cohorts", "cohort")[month]
    assert (total["purchases_usd"], total["folded_ltv_usd"]) == (Decimal("13.50"), Decimal("20.50"))
    assert total["purchases_usd_per_customer"] == Decimal("6.75")
    assert [row[1:] for row in report.table("cells").rows] == [
        (0, 2, Decimal("12.50"), Decimal("6.25"))
    ]


@pytest.mark.parametrize(
    ("timezone", "cohort", "ages"),
    [("UTC", date(2026, 2, 1), [0, 1]), ("Asia/Tokyo", date(2026, 3, 1), [0])],
)
def test_days_are_those_of_the_time_zone(
    database_url: str, timezone: str, cohort: date, ages: list[int]
) -> None:
    """An evening of February in UTC is a morning of March in Tokyo; so with the data's end."""
    events = [
        _paid(user, day, usd="5", time="15:30:00Z")
        for user, day in (("ann", "2026-02-28"), ("bob", "2026-04-30"))
    ]
    build_facts(database_url, events, timezone)
    rows = view(database_url, "ltv").table("cells").rows
    assert [row[:2] for row in rows] == [(cohort, age) for age in ages]


def test_a_cohort_is_that_of_the_first_purchase_also_with_a_filter(database_url: str) -> None:
    """Not that of the first event, which other views have."""
    events = [
        approval(occurred_at="2026-01-05T00:00:00Z", user_id="ann", reviewer_id="rev-1"),
        _paid("ann", "2026-02-03", usd="10"),
        _paid("ann", "2026-04-03", usd="10"),
    ]
    build_facts(database_url, events)
    february = date(2026, 2, 1)
    report = view(database_url, "ltv", Asked(cohort=february, reviewer="rev-1"))
    assert {row[0] for table in report.tables for row in table.rows} == {february}
    assert all(table.rows for table in report.tables)


@pytest.mark.parametrize("asked", [Asked(reviewer="rev-1"), Asked(tag="TONE_CASUAL")])
def test_the_customers_of_a_filter_are_read_once(cdnow_facts: Facts, asked: Asked) -> None:
    """They are joined. As a subplan all of them would be read by each of several processes."""
    parameters = filters(asked, reach_of(cdnow_facts, "UTC"))
    text = f"EXPLAIN {text_of('purchases_by_age', parameters)}".encode()
    plan = [line for (line,) in cdnow_facts.execute(text, parameters)]
    assert any("customer_facts" in line for line in plan)
    assert not any("SubPlan" in line for line in plan)


def test_without_events_there_are_no_cohorts(database_url: str) -> None:
    """Empty tables, and no error."""
    assert [len(table.rows) for table in view(database_url, "ltv").tables] == [0, 0]


def _cohorts(customers: Customers, reviewer: str | None) -> list[PlainCohort]:
    return plain_cohorts(
        one for one in customers.values() if reviewer in (None, one.first_reviewer)
    )


def _paid(
    user: str, day: str, *, usd: str, status: str = "CUSTOMER", time: str = "00:00:00Z"
) -> ApprovalEvent:
    return approval(
        occurred_at=f"{day}T{time}",
        interaction_id=uuid4(),
        user_id=user,
        customer_status=status,
        ltv_amount=usd,
    )
