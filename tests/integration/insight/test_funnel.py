"""The funnel: every number equals a plain computation over the events."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from approvals import TEN, approval, decision
from insight import answer, apply_all, build_facts, cells, keep_facts, view
from plain_insight import PlainCustomer, latest, month_of
from plain_selection import chosen, is_asked
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import connect
from signoff_insight.report import Asked, Report, Value
from signoff_schemas import AnyEvent

Facts = Connection[TupleRow]
Customers = Mapping[str, PlainCustomer]
DAY = 24 * 60
TO_LEAD, TO_CUSTOMER, OVER_ALL = (
    "PROSPECT to LEAD_QUALIFIED",
    "LEAD_QUALIFIED to CUSTOMER",
    "PROSPECT to CUSTOMER",
)
QUESTIONS = [
    Asked(),
    Asked(within=1),
    Asked(within=365),
    Asked(within=730),
    Asked(since=date(2025, 1, 11)),
    Asked(until=date(2025, 2, 2), within=90),
    Asked(cohort=date(2025, 1, 1)),
    Asked(reviewer="rev-2"),
    Asked(tag="CTA_SOFT", within=60),
    Asked(since=date(2024, 11, 3), until=date(2025, 9, 3), reviewer="rev-1", within=7),
    Asked(cohort=date(2025, 1, 1), since=date(2025, 2, 1)),
    Asked(reviewer="nobody"),
]
SAMPLE_QUESTIONS = [
    Asked(),
    Asked(within=1, since=date(2021, 1, 10), until=date(2021, 3, 3)),
    Asked(within=500, cohort=date(2021, 1, 1), reviewer="rev-2"),
    Asked(tag="TONE_CASUAL"),
]


@pytest.mark.parametrize("asked", QUESTIONS, ids=str)
def test_every_cell_is_what_plain_python_counts(
    mixed_facts: Facts, mixed_plain: Customers, asked: Asked
) -> None:
    """Of all customers and of some, whatever happened to them."""
    _check(answer(mixed_facts, "funnel", asked), mixed_plain, asked, "America/New_York")


@pytest.mark.parametrize("asked", SAMPLE_QUESTIONS, ids=str)
def test_every_cell_of_the_sample_is_what_plain_python_counts(
    cdnow_facts: Facts, cdnow_customers: Customers, asked: Asked
) -> None:
    """The same of the CDNOW sample."""
    _check(answer(cdnow_facts, "funnel", asked), cdnow_customers, asked, "UTC")


def _check(report: Report, plain: Customers, asked: Asked, zone: str) -> None:
    """Steps and months."""
    end = latest(plain)
    assert end
    asked_for = [
        (one.prospect_at, one.qualified_at, one.customer_at)
        for one in chosen(plain.values(), asked, zone)
        if one.prospect_at and is_asked(one.prospect_at, asked, zone)
    ]
    within = timedelta(days=asked.within)
    assert _counts(report.table("steps").records) == {
        TO_LEAD: _plain([(a, b) for a, b, _ in asked_for], within, end),
        TO_CUSTOMER: _plain([(b, c) for _, b, c in asked_for if b], within, end),
        OVER_ALL: _plain([(a, c) for a, _, c in asked_for], within, end),
    }
    months = cells(report, "months", "month")
    assert {*months} >= {month_of(entry, zone) for entry, _, _ in asked_for}
    for month, row in months.items():
        own = [steps for steps in asked_for if month_of(steps[0], zone) == month]
        entered, observed, qualified, share = _plain([(a, b) for a, b, _ in own], within, end)
        assert (row["entered"], row["observed"]) == (entered, observed)
        assert (row["qualified"], row["share_qualified"]) == (qualified, share)
        _, _, converted, share = _plain([(a, c) for a, _, c in own], within, end)
        assert (row["converted"], row["share_converted"]) == (converted, share)
        assert row["observed"] == row["entered"] or not row["is_complete"]


def test_all_of_the_sample_convert_in_time(cdnow_facts: Facts, cdnow_customers: Customers) -> None:
    """Each of the 1,200 customers of CDNOW became one within days of its first event."""
    assert all(one.customer_at for one in cdnow_customers.values())
    step = cells(answer(cdnow_facts, "funnel"), "steps", "step")[OVER_ALL]
    assert (step["entered"], step["observed"], step["reached"]) == (1200, 1200, 1200)
    assert (step["share"], step["high"]) == (1.0, 1.0)
    assert step["low"] == pytest.approx(0.9968, abs=1e-4)


def test_without_any_event_there_are_steps_and_no_months(database_url: str) -> None:
    """Nothing is not an error, and nobody is not a share of 0."""
    keep_facts(database_url)
    report = view(database_url, "funnel")
    assert [list(row.values())[3:] for row in report.table("steps").records] == [
        [0, 0, None, None, None, None]
    ] * 3
    assert report.table("months").rows == ()
    assert report.reach.data_until is None


def test_exactly_w_days_are_within_w_days(database_url: str) -> None:
    """A step after 30 days of 24 hours counts, one a microsecond later does not."""
    hair = timedelta(microseconds=1)
    build_facts(
        database_url,
        [
            *_path("on time", TEN, ("CUSTOMER", TEN + timedelta(days=30))),
            *_path("too late", TEN, ("CUSTOMER", TEN + timedelta(days=30) + hair)),
            *_path("no more", TEN + timedelta(days=10)),
        ],
    )
    step = cells(view(database_url, "funnel"), "steps", "step")[OVER_ALL]
    assert (step["entered"], step["observed"], step["reached"]) == (3, 2, 1)


def test_an_entry_exactly_w_days_before_the_latest_event_is_observed(database_url: str) -> None:
    """The day of the latest event is the end of observation, not today."""
    path = [
        *_path("a", TEN),
        *_path("b", TEN + timedelta(microseconds=1)),
        *_path("c", TEN + timedelta(days=30)),
    ]
    build_facts(database_url, path)
    month = cells(view(database_url, "funnel"), "months", "month")[date(2026, 1, 1)]
    assert (month["entered"], month["observed"], month["converted"]) == (2, 1, 0)
    assert not month["is_complete"]


def test_what_is_not_observed_long_enough_is_not_known(database_url: str) -> None:
    """It is entered and not observed, and no share of it is 0."""
    build_facts(database_url, [approval(0, customer_status="CUSTOMER")])
    step = cells(view(database_url, "funnel"), "steps", "step")[OVER_ALL]
    assert (step["entered"], step["observed"]) == (1, 0)
    assert (step["reached"], step["share"], step["low"]) == (None, None, None)


def test_who_skips_a_step_reaches_it_and_the_next_one_at_once(database_url: str) -> None:
    """From PROSPECT to CUSTOMER leads over LEAD_QUALIFIED, after 0 days."""
    build_facts(database_url, _path("ann", TEN, ("CUSTOMER", TEN + timedelta(days=2))))
    steps = cells(view(database_url, "funnel", Asked(within=1)), "steps", "step")
    assert [steps[step]["reached"] for step in (TO_LEAD, TO_CUSTOMER, OVER_ALL)] == [0, None, 0]
    build_facts(database_url, _path("bob", TEN + timedelta(days=9)))
    steps = cells(view(database_url, "funnel", Asked(within=2)), "steps", "step")
    assert [steps[step]["reached"] for step in (TO_LEAD, TO_CUSTOMER, OVER_ALL)] == [1, 1, 1]


def test_who_comes_back_counts_as_reached(database_url: str) -> None:
    """A prospect that was lost and then bought within W days reached the step within W days."""
    build_facts(
        database_url,
        [
            *_path(
                "ann",
                TEN,
                ("LEAD_EXHAUSTED", TEN + timedelta(days=3)),
                ("CUSTOMER", TEN + timedelta(days=20)),
            ),
            *_path("bob", TEN + timedelta(days=99)),
        ],
    )
    step = cells(view(database_url, "funnel"), "steps", "step")[OVER_ALL]
    assert (step["observed"], step["reached"]) == (1, 1)


def test_a_late_event_moves_the_entry_back(database_url: str) -> None:
    """An older event that arrives later makes the customer a prospect of an earlier month."""
    build_facts(database_url, _path("ann", TEN, ("CUSTOMER", TEN + timedelta(days=20))))
    build_facts(database_url, _path("ann", datetime(2025, 12, 31, 23, tzinfo=UTC)))
    months = cells(view(database_url, "funnel", Asked(within=14)), "months", "month")
    assert list(months) == [date(2025, 12, 1)]
    assert months[date(2025, 12, 1)]["converted"] == 0


def test_a_void_decision_has_no_effect(database_url: str) -> None:
    """A decision that rests on an event that is not its customer's makes nobody CUSTOMER."""
    void = decision(5, user_id="ann", customer_status="CUSTOMER", rests_on=uuid4())
    build_facts(database_url, [*_path("ann", TEN), void, *_path("bob", TEN + timedelta(days=99))])
    step = cells(view(database_url, "funnel"), "steps", "step")[OVER_ALL]
    assert (step["observed"], step["reached"]) == (1, 0)


def test_whom_another_system_knew_in_a_later_status_is_not_in_the_funnel(
    database_url: str,
) -> None:
    """An adopted lead entered nowhere: when it became one is not known."""
    adopted = uuid4()
    with connect(database_url) as connection:
        connection.execute(
            "INSERT INTO interactions (id, user_id, customer_status)"
            " VALUES (%s, 'ann', 'LEAD_QUALIFIED')",
            [adopted],
        )
    build_facts(
        database_url,
        [
            approval(0, interaction_id=adopted, user_id="ann", customer_status="CUSTOMER"),
            *_path("bob", TEN + timedelta(days=40)),
        ],
    )
    report = view(database_url, "funnel")
    assert [row["entered"] for row in report.table("steps").records] == [1, 0, 1]


@pytest.mark.parametrize(
    ("timezone", "month"),
    [("UTC", date(2026, 3, 1)), ("America/New_York", date(2026, 2, 1))],
)
def test_a_month_is_one_of_the_time_zone(database_url: str, timezone: str, month: date) -> None:
    """An entry at 4:59 on the first in UTC is one of the last evening in New York."""
    build_facts(database_url, _path("ann", datetime(2026, 3, 1, 4, 59, 59, tzinfo=UTC)), timezone)
    assert list(cells(view(database_url, "funnel"), "months", "month")) == [month]
    assert not view(database_url, "funnel", Asked(until=month)).table("months").rows
    assert view(database_url, "funnel", Asked(since=month, cohort=month)).table("months").rows


def test_a_cohort_is_a_month_to_the_instant(database_url: str) -> None:
    """Its first instant is in it, the first of the next month is not."""
    build_facts(
        database_url,
        [
            *_path("before", datetime(2026, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
            *_path("first", datetime(2026, 2, 1, tzinfo=UTC)),
            *_path("last", datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)),
            *_path("after", datetime(2026, 3, 1, tzinfo=UTC)),
        ],
    )
    rows = view(database_url, "funnel", Asked(cohort=date(2026, 2, 1))).table("months").rows
    assert [row[:2] for row in rows] == [(date(2026, 2, 1), 2)]


def test_months_without_an_entry_are_shown(database_url: str) -> None:
    """A gap in the data is a gap in the chart: three months, the second with nobody."""
    apply_all(database_url, _path("ann", TEN))
    build_facts(database_url, _path("bob", TEN + timedelta(days=50)))
    rows = view(database_url, "funnel", Asked(within=7)).table("months").rows
    assert [(row[0], row[1], row[2], row[-1]) for row in rows] == [
        (date(2026, 1, 1), 1, 1, True),
        (date(2026, 2, 1), 0, 0, True),
        (date(2026, 3, 1), 1, 0, False),
    ]


def test_a_long_gap_is_not_filled(database_url: str) -> None:
    """One event of 1970 does not make hundreds of months without anybody."""
    build_facts(
        database_url,
        [
            *_path("ann", datetime(1970, 1, 1, tzinfo=UTC)),
            *_path("bob", datetime(2024, 1, 31, tzinfo=UTC)),
            *_path("eve", TEN),
        ],
    )
    months = [row[0] for row in view(database_url, "funnel").table("months").rows]
    assert len(months) == 1 + 25
    assert months[:2] == [date(1970, 1, 1), date(2024, 1, 1)]


def test_a_complete_month_that_late_events_may_change_is_named(database_url: str) -> None:
    """All were observed for a day, but the last two days may still get events."""
    paths = [*_path("ann", TEN), *_path("bob", datetime(2026, 2, 3, 1, tzinfo=UTC))]
    build_facts(database_url, paths)
    for within, is_named in ((1, True), (2, True), (3, False)):
        report = view(database_url, "funnel", Asked(within=within))
        month = cells(report, "months", "month")[date(2026, 1, 1)]
        assert month["is_complete"] == is_named
        assert any("2026-01 is fully observed, but" in note for note in report.notes) == is_named
    build_facts(database_url, _path("eve", datetime(2026, 2, 9, tzinfo=UTC)))
    report = view(database_url, "funnel", Asked(within=1))
    assert cells(report, "months", "month")[date(2026, 1, 1)]["is_complete"]
    assert not any("fully observed, but" in note for note in report.notes)


def _path(user: str, first: datetime, *later: tuple[str, datetime]) -> list[AnyEvent]:
    """A prospect's events: the first one, and those that gave a status."""
    interaction = uuid4()
    return [
        approval(interaction_id=interaction, user_id=user, occurred_at=at, customer_status=status)
        for status, at in [("PROSPECT", first), *later]
    ]


def _plain(
    steps: Iterable[tuple[datetime, datetime | None]], within: timedelta, end: datetime
) -> tuple[int, int, int | None, float | None]:
    """Entered, observed, reached, share."""
    took = list(steps)
    observed = [(a, b) for a, b in took if end - a >= within]
    reached = sum(b is not None and b - a <= within for a, b in observed)
    if not observed:
        return len(took), 0, None, None
    return len(took), len(observed), reached, reached / len(observed)


def _counts(records: Iterable[Mapping[str, Value]]) -> dict[Value, tuple[Value, ...]]:
    return {
        row["step"]: (row["entered"], row["observed"], row["reached"], row["share"])
        for row in records
    }
