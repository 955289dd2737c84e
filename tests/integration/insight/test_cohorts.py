"""Cohort retention: every cell equals a plain computation over the events."""

from collections.abc import Iterable, Mapping
from datetime import date
from uuid import uuid4

import pytest
from approvals import approval
from insight import answer, build_facts, cells, view
from plain_cohorts import plain_cohorts
from plain_insight import PlainCustomer, day_of, latest
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.report import Asked, Report
from signoff_schemas import ApprovalEvent

Customers = Mapping[str, PlainCustomer]
Facts = Connection[TupleRow]


def test_every_cell_of_the_sample_is_what_plain_python_counts(
    cdnow_facts: Facts, cdnow_customers: Customers
) -> None:
    """Buyers and shares of all cohorts at all ages that were observed through."""
    report = answer(cdnow_facts, "cohorts")
    assert _cells(report) == _plain(cdnow_customers.values(), _last(cdnow_customers))
    assert len(report.table("cells").rows) > 30


@pytest.mark.parametrize(
    ("asked", "is_asked"),
    [
        (Asked(reviewer="rev-3"), lambda one: one.first_reviewer == "rev-3"),
        (Asked(tag="TONE_CASUAL"), lambda one: "TONE_CASUAL" in one.first_tags),
    ],
)
def test_a_filter_takes_customers_by_their_first_approval(
    cdnow_facts: Facts, cdnow_customers: Customers, asked: Asked, is_asked: object
) -> None:
    """The same cells, of these customers alone."""
    assert callable(is_asked)
    chosen = [one for one in cdnow_customers.values() if is_asked(one)]
    assert chosen
    assert _cells(answer(cdnow_facts, "cohorts", asked)) == _plain(chosen, _last(cdnow_customers))


def test_dates_select_cohorts_by_their_first_day(cdnow_facts: Facts) -> None:
    """The second day named is not part of it, and a cohort is taken whole or not at all."""
    since, until = date(2021, 1, 2), date(2021, 3, 1)
    rows = answer(cdnow_facts, "cohorts", Asked(since=since, until=until)).table("cohorts").rows
    assert [month for month, _ in rows] == [date(2021, 2, 1)]
    rows = answer(cdnow_facts, "cohorts", Asked(cohort=date(2021, 3, 1))).table("cohorts").rows
    assert [month for month, _ in rows] == [date(2021, 3, 1)]


def test_a_cell_is_shown_when_the_youngest_member_is_past_it(database_url: str) -> None:
    """The cohort of January is past age 0 when who began on its last day is, on 1 March."""
    build_facts(database_url, [_purchase("ann", "2026-01-03"), _purchase("bob", "2026-02-28")])
    assert _ages(view(database_url, "cohorts"), date(2026, 1, 1)) == [0]
    build_facts(database_url, [_purchase("bob", "2026-03-01"), _purchase("ann", "2026-03-30")])
    assert _ages(view(database_url, "cohorts"), date(2026, 1, 1)) == [0]
    build_facts(database_url, [_purchase("bob", "2026-03-31")])
    report = view(database_url, "cohorts")
    assert _ages(report, date(2026, 1, 1)) == [0, 1]
    assert cells(report, "cells", "cohort", "age_months")[date(2026, 1, 1), 1]["share"] == 0.0


def test_age_0_is_known_while_its_month_goes_on_and_what_is_spent_in_it_is_not(
    database_url: str,
) -> None:
    """The share cannot change any more, the amount can; each definition says so."""
    build_facts(database_url, [_purchase("ann", "2026-01-03")])
    retention, worth = view(database_url, "cohorts"), view(database_url, "ltv")
    (cell,) = retention.table("cells").records
    assert (cell["age_months"], cell["share"]) == (0, 1.0)
    assert "age 0, of which the share is 100 % from the beginning" in retention.definition
    assert worth.table("cells").rows == ()
    assert "amounts grow until a month is over" in worth.definition


def test_who_buys_twice_at_an_age_counts_once(database_url: str) -> None:
    """The unit is the customer; and the month that goes on is said."""
    build_facts(
        database_url,
        [
            _purchase("ann", "2026-01-03"),
            _purchase("ann", "2026-02-04"),
            _purchase("ann", "2026-02-05"),
            _purchase("bob", "2026-01-04"),
            _purchase("cem", "2026-04-01"),
        ],
    )
    report = view(database_url, "cohorts")
    found = cells(report, "cells", "cohort", "age_months")
    assert found[date(2026, 1, 1), 1] | {"buyers": 1, "share": 0.5} == found[date(2026, 1, 1), 1]
    assert found[date(2026, 4, 1), 0]["share"] == 1.0
    assert any("may still join cohort 2026-04" in note for note in report.notes)
    assert any("from 2026-03-30 on may still arrive" in note for note in report.notes)


def test_without_events_there_are_no_cohorts(database_url: str) -> None:
    """Empty tables, and no error."""
    assert [len(table.rows) for table in view(database_url, "cohorts").tables] == [0, 0]


def _purchase(user: str, day: str) -> ApprovalEvent:
    return approval(
        occurred_at=f"{day}T00:00:00Z",
        interaction_id=uuid4(),
        user_id=user,
        customer_status="CUSTOMER",
        ltv_amount="5",
    )


def _ages(report: Report, cohort: date) -> list[object]:
    return [row[1] for row in report.table("cells").rows if row[0] == cohort]


def _last(customers: Customers) -> date:
    end = latest(customers)
    assert end is not None
    return day_of(end)


def _cells(report: Report) -> list[tuple[object, ...]]:
    return list(report.table("cells").rows)


def _plain(customers: Iterable[PlainCustomer], last: date) -> list[tuple[object, ...]]:
    return [
        (one.month, age, one.buyers(age), one.buyers(age) / len(one.members))
        for one in plain_cohorts(customers)
        for age in range(60)
        if age == 0 or one.is_observed(age, last)
    ]
