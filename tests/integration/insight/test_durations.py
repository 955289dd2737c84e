"""Time per step and in status: every number equals a plain computation over the events."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import uuid4

import pytest
from approvals import TEN, approval, decision
from insight import answer, build_facts, cells, keep_facts, view
from plain_insight import PlainCustomer, latest
from plain_selection import chosen, is_asked
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import connect
from signoff_insight.report import Asked, Report
from signoff_schemas import CUSTOMER_STATUSES, AnyEvent

Facts = Connection[TupleRow]
Customers = Mapping[str, PlainCustomer]
DAY = timedelta(days=1)
HAIR = timedelta(microseconds=1)
TO_LEAD, TO_CUSTOMER, TO_CHURNED = (
    "PROSPECT to LEAD_QUALIFIED",
    "LEAD_QUALIFIED to CUSTOMER",
    "CUSTOMER to CHURNED",
)
QUESTIONS = [
    Asked(),
    Asked(since=date(2025, 1, 11)),
    Asked(until=date(2025, 2, 2)),
    Asked(cohort=date(2024, 11, 1)),
    Asked(reviewer="rev-2"),
    Asked(tag="CTA_SOFT", since=date(2024, 11, 3), until=date(2025, 9, 3)),
    Asked(reviewer="nobody"),
]
SAMPLE_QUESTIONS = [
    Asked(),
    Asked(since=date(2021, 1, 10), until=date(2021, 3, 3)),
    Asked(cohort=date(2021, 1, 1), reviewer="rev-2"),
    Asked(tag="TONE_CASUAL"),
]


@dataclass(frozen=True)
class Wait:
    """Somebody waits from an instant on, until something happens or the observation ends."""

    since: datetime
    reached_at: datetime | None
    lost_at: datetime | None = None

    @property
    def until(self) -> datetime | None:
        """When it ended."""
        return self.lost_at or self.reached_at

    def stop(self, end: datetime) -> tuple[int, str]:
        """The last whole day on which it was observed to wait, and what happened on it."""
        if self.until:
            days = -((self.since - self.until) // DAY)
            if self.since + days * DAY <= end:
                return days, "lost" if self.lost_at else "reached"
        return (end - self.since) // DAY, "open"


@pytest.mark.parametrize("asked", QUESTIONS, ids=str)
def test_every_cell_is_what_plain_python_counts(
    mixed_facts: Facts, mixed_plain: Customers, asked: Asked
) -> None:
    """Of all customers and of some, whatever happened to them."""
    report = answer(mixed_facts, "durations", asked)
    _check_steps(report, mixed_plain, asked, "America/New_York")
    _check_spells(report, mixed_plain, asked, "America/New_York")


@pytest.mark.parametrize("asked", SAMPLE_QUESTIONS, ids=str)
def test_every_cell_of_the_sample_is_what_plain_python_counts(
    cdnow_facts: Facts, cdnow_customers: Customers, asked: Asked
) -> None:
    """The same of the CDNOW sample."""
    report = answer(cdnow_facts, "durations", asked)
    _check_steps(report, cdnow_customers, asked, "UTC")
    _check_spells(report, cdnow_customers, asked, "UTC")


def _check_steps(report: Report, plain: Customers, asked: Asked, zone: str) -> None:
    """Counts, medians, and each point of the curves."""
    end = latest(plain)
    assert end
    steps, points = cells(report, "steps", "step"), cells(report, "curve", "step", "day")
    expected: dict[object, tuple[int, Fraction, Fraction]] = {}
    for step, waits in _steps(chosen(plain.values(), asked, zone)).items():
        own = [wait for wait in waits if is_asked(wait.since, asked, zone)]
        curve = _curve(own, end)
        assert list(steps[step].values())[1:] == [
            len(own),
            sum(wait.lost_at is None and wait.reached_at is not None for wait in own),
            sum(wait.lost_at is not None for wait in own),
            sum(wait.until is None for wait in own),
            _day_of(curve, Fraction(1, 2)),
            _day_of(curve, Fraction(1, 4)),
        ]
        expected |= {(step, day): point for day, point in curve.items()}
    assert {*points} <= {*expected}
    for key, row in points.items():
        at_risk, reached, lost = expected[key]
        assert row["at_risk"] == at_risk
        assert row["reached_share"] == pytest.approx(float(reached), abs=1e-12)
        assert row["lost_share"] == pytest.approx(float(lost), abs=1e-12)


def _check_spells(report: Report, plain: Customers, asked: Asked, zone: str) -> None:
    """Spells of each status, those that go on, their median, and the mean of the others."""
    rows, end = cells(report, "spells", "status"), latest(plain)
    assert end
    assert list(rows) == list(CUSTOMER_STATUSES)
    for status, row in rows.items():
        own = [
            Wait(spell.began_at, spell.ended_at)
            for one in chosen(plain.values(), asked, zone)
            for spell in one.spells
            if spell.status == status and spell.began_at and is_asked(spell.began_at, asked, zone)
        ]
        ended = [wait.until - wait.since for wait in own if wait.until]
        assert (row["spells"], row["open"]) == (len(own), len(own) - len(ended))
        assert row["median_days"] == _day_of(_curve(own, end), Fraction(1, 2))
        mean = sum(ended, timedelta()) / DAY / len(ended) if ended else None
        assert row["mean_days"] == (mean and pytest.approx(mean))


def test_half_and_a_quarter_are_on_the_curve_that_is_shown(cdnow_facts: Facts) -> None:
    """Also where the curve is thinned: the day before has less, this day has so much."""
    report = answer(cdnow_facts, "durations")
    steps = cells(report, "steps", "step")
    points = [row[1:4:2] for row in report.table("curve").rows if row[0] == TO_CHURNED]
    for column, share in (("p25_days", 0.25), ("median_days", 0.5)):
        first = next(day for day, reached in points if reached >= share)  # type: ignore[operator]
        assert steps[TO_CHURNED][column] == first, column


def test_a_curve_is_short_enough_to_draw(mixed_facts: Facts) -> None:
    """At most 200 points a step, from day 0 to the last one."""
    rows = answer(mixed_facts, "durations").table("curve").rows
    for step in (TO_LEAD, TO_CUSTOMER, TO_CHURNED):
        days = [row[1] for row in rows if row[0] == step]
        assert days[0] == 0
        assert days == sorted({*days}, key=lambda day: float(str(day)))
        assert 50 < len(days) <= 200


def test_without_any_event_there_are_steps_without_anybody(database_url: str) -> None:
    """Nothing is not an error."""
    keep_facts(database_url)
    report = view(database_url, "durations")
    assert [row[1:] for row in report.table("steps").rows] == [(0, 0, 0, 0, None, None)] * 3
    assert [row[1:] for row in report.table("spells").rows] == [(0, 0, None, None)] * 5
    assert report.table("curve").rows == ()


def test_a_step_takes_days_of_24_hours_rounded_up(database_url: str) -> None:
    """Exactly 2 days are within 2 days, a microsecond more is within 3."""
    build_facts(
        database_url,
        [
            *_path("a", ("PROSPECT", TEN), ("LEAD_QUALIFIED", TEN + 2 * DAY)),
            *_path("b", ("PROSPECT", TEN), ("LEAD_QUALIFIED", TEN + 2 * DAY + HAIR)),
            *_path("c", ("PROSPECT", TEN + 9 * DAY)),
        ],
    )
    curve = cells(view(database_url, "durations"), "curve", "step", "day")
    shares = {day: row["reached_share"] for (step, day), row in _pairs(curve) if step == TO_LEAD}
    assert shares == {0: 0, 2: 0.5, 3: 1.0}


def test_the_day_that_is_under_way_is_not_in_the_curve_yet(database_url: str) -> None:
    """Ann became a lead on a day that is not over for her; the counts have it already."""
    build_facts(
        database_url,
        [
            *_path("ann", ("PROSPECT", TEN), ("LEAD_QUALIFIED", TEN + DAY / 2)),
            *_path("bob", ("PROSPECT", TEN - DAY), ("LEAD_QUALIFIED", TEN - DAY / 2)),
        ],
    )
    report = view(database_url, "durations")
    assert cells(report, "steps", "step")[TO_LEAD]["reached"] == 2
    points = [row[1:] for row in report.table("curve").rows if row[0] == TO_LEAD]
    assert points == [(0, 2, 0, 0), (1, 1, 1, 0)]


def test_who_is_lost_before_counts_as_lost(database_url: str) -> None:
    """Half of four prospects are lost, so the curve ends at one half, on the day it gets there."""
    lost = [
        _path(user, ("PROSPECT", TEN), ("LEAD_EXHAUSTED", TEN + 3 * DAY)) for user in ("a", "b")
    ]
    leads = [
        _path(user, ("PROSPECT", TEN), ("LEAD_QUALIFIED", TEN + days * DAY))
        for user, days in (("c", 2), ("d", 7))
    ]
    build_facts(database_url, [event for path in [*lost, *leads] for event in path])
    report = view(database_url, "durations")
    row = cells(report, "steps", "step")[TO_LEAD]
    assert (row["reached"], row["lost"], row["median_days"], row["p25_days"]) == (2, 2, 7, 2)
    assert report.table("curve").rows[:4] == (
        (TO_LEAD, 0, 4, 0.0, 0.0),
        (TO_LEAD, 2, 4, 0.25, 0.0),
        (TO_LEAD, 3, 3, 0.25, 0.5),
        (TO_LEAD, 7, 1, 0.5, 0.5),
    )


def test_who_comes_back_stays_lost_for_the_step_and_enters_the_next(database_url: str) -> None:
    """A prospect that was lost and came back as a lead is lost as a prospect, and a lead."""
    build_facts(
        database_url,
        _path(
            "ann",
            ("PROSPECT", TEN),
            ("CHURNED", TEN + DAY),
            ("LEAD_QUALIFIED", TEN + 2 * DAY),
            ("CUSTOMER", TEN + 5 * DAY),
        ),
    )
    steps = cells(view(database_url, "durations"), "steps", "step")
    assert list(steps[TO_LEAD].values())[1:5] == [1, 0, 1, 0]
    assert list(steps[TO_CUSTOMER].values())[1:] == [1, 1, 0, 0, 3, 3]
    assert steps[TO_CHURNED]["open"] == 1


def test_spells_that_go_on_are_not_short(database_url: str) -> None:
    """Of three prospects one left after a day; the others are still there after ten."""
    build_facts(
        database_url,
        [
            *_path("a", ("PROSPECT", TEN), ("CHURNED", TEN + DAY)),
            *_path("b", ("PROSPECT", TEN)),
            *_path("c", ("PROSPECT", TEN), ("PROSPECT", TEN + 10 * DAY)),
        ],
    )
    row = cells(view(database_url, "durations"), "spells", "status")["PROSPECT"]
    assert (row["spells"], row["open"], row["median_days"], row["mean_days"]) == (3, 2, None, 1.0)


def test_a_late_event_splits_a_spell(database_url: str) -> None:
    """An older event that arrives later tells what happened in between."""
    interaction = uuid4()

    def event(day: int, status: str) -> AnyEvent:
        return approval(
            day * 24 * 60, interaction_id=interaction, user_id="ann", customer_status=status
        )

    build_facts(database_url, [event(0, "PROSPECT"), event(8, "CUSTOMER")])
    build_facts(database_url, [event(6, "LEAD_QUALIFIED")])
    steps = cells(view(database_url, "durations"), "steps", "step")
    assert [steps[step]["median_days"] for step in (TO_LEAD, TO_CUSTOMER)] == [6, 2]


def test_a_void_decision_ends_no_spell(database_url: str) -> None:
    """A decision that rests on an event that is not its customer's churns nobody."""
    void = decision(5, user_id="ann", customer_status="CHURNED", rests_on=uuid4())
    build_facts(database_url, [*_path("ann", ("CUSTOMER", TEN)), void])
    report = view(database_url, "durations")
    assert cells(report, "steps", "step")[TO_CHURNED]["reached"] == 0
    assert cells(report, "spells", "status")["CHURNED"]["spells"] == 0


def test_what_began_before_the_first_event_is_left_out(database_url: str) -> None:
    """An adopted lead: how long it was one is not known; what came later is."""
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
            decision(3 * 24 * 60, user_id="ann", customer_status="CHURNED"),
        ],
    )
    report = view(database_url, "durations")
    steps = cells(report, "steps", "step")
    assert [steps[step]["customers"] for step in (TO_LEAD, TO_CUSTOMER)] == [0, 0]
    assert list(steps[TO_CHURNED].values())[1:] == [1, 1, 0, 0, 3, 3]
    spells = cells(report, "spells", "status")
    assert (spells["LEAD_QUALIFIED"]["spells"], spells["CUSTOMER"]["spells"]) == (0, 1)


@pytest.mark.parametrize(("timezone", "customers"), [("UTC", 1), ("America/New_York", 0)])
def test_dates_are_days_of_the_time_zone(database_url: str, timezone: str, customers: int) -> None:
    """An entry at 4:59 on the first in UTC is one of the last evening in New York."""
    entry = datetime(2026, 3, 1, 4, 59, 59, tzinfo=UTC)
    build_facts(database_url, _path("ann", ("PROSPECT", entry)), timezone)
    report = view(database_url, "durations", Asked(since=date(2026, 3, 1)))
    assert cells(report, "steps", "step")[TO_LEAD]["customers"] == customers
    assert cells(report, "spells", "status")["PROSPECT"]["spells"] == customers


def _path(user: str, *steps: tuple[str, datetime]) -> list[AnyEvent]:
    """The events of a customer that gave a status."""
    interaction = uuid4()
    return [
        approval(interaction_id=interaction, user_id=user, occurred_at=at, customer_status=status)
        for status, at in steps
    ]


def _steps(customers: Sequence[PlainCustomer]) -> dict[str, list[Wait]]:
    return {
        TO_LEAD: [
            Wait(one.prospect_at, one.qualified_at, one.lost_as_prospect_at)
            for one in customers
            if one.prospect_at
        ],
        TO_CUSTOMER: [
            Wait(one.qualified_at, one.customer_at, one.lost_as_lead_at)
            for one in customers
            if one.qualified_at
        ],
        TO_CHURNED: [Wait(one.customer_at, one.churned_at) for one in customers if one.customer_at],
    }


def _curve(waits: Sequence[Wait], end: datetime) -> dict[int, tuple[int, Fraction, Fraction]]:
    """At risk, reached and lost by day, from the definition, in fractions."""
    stops = [wait.stop(end) for wait in waits]
    curve = {}
    waiting, reached, lost = Fraction(1), Fraction(0), Fraction(0)
    for day in sorted({0, *(day for day, _ in stops)} if stops else ()):
        at_risk = sum(stop >= day for stop, _ in stops)
        now_reached, now_lost = stops.count((day, "reached")), stops.count((day, "lost"))
        reached += waiting * Fraction(now_reached, at_risk)
        lost += waiting * Fraction(now_lost, at_risk)
        waiting = 1 - reached - lost
        curve[day] = (at_risk, reached, lost)
    return curve


def _day_of(curve: Mapping[int, tuple[int, Fraction, Fraction]], share: Fraction) -> int | None:
    return next((day for day, (_, reached, _) in curve.items() if reached >= share), None)


def _pairs(rows: Mapping[Any, Any]) -> Iterable[tuple[Any, Any]]:
    return rows.items()
