"""Journeys: every number equals a plain computation over the events."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from approvals import TEN, approval, decision
from insight import answer, build_facts, cells, keep_facts, view
from plain_insight import PlainCustomer
from plain_selection import chosen, is_asked
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.connection import connect
from signoff_insight.report import Asked, Report
from signoff_schemas import CUSTOMER_STATUSES, AnyEvent

Facts = Connection[TupleRow]
Customers = Mapping[str, PlainCustomer]
DAY = timedelta(days=1)
QUESTIONS = [
    Asked(),
    Asked(since=date(2025, 3, 11)),
    Asked(until=date(2025, 2, 2)),
    Asked(cohort=date(2024, 11, 1)),
    Asked(reviewer="rev-2"),
    Asked(tag="CTA_SOFT", since=date(2024, 11, 3), until=date(2025, 9, 3)),
    Asked(reviewer="nobody"),
]
SAMPLE_QUESTIONS = [
    Asked(),
    Asked(since=date(2021, 7, 1)),
    Asked(cohort=date(2021, 1, 1), reviewer="rev-2"),
    Asked(tag="TONE_CASUAL"),
]
ON_PATH = [
    ("PROSPECT", "LEAD_QUALIFIED"),
    ("LEAD_QUALIFIED", "CUSTOMER"),
    ("CUSTOMER", "CHURNED"),
    ("PROSPECT", "LEAD_EXHAUSTED"),
]
BACK = [
    (lost, status)
    for lost in ("CHURNED", "LEAD_EXHAUSTED")
    for status in ("PROSPECT", "LEAD_QUALIFIED", "CUSTOMER")
]


@pytest.mark.parametrize("asked", QUESTIONS, ids=str)
def test_every_cell_is_what_plain_python_counts(
    mixed_facts: Facts, mixed_plain: Customers, asked: Asked
) -> None:
    """Of all customers and of some, whatever happened to them."""
    _check(answer(mixed_facts, "journeys", asked), mixed_plain, asked, "America/New_York")


@pytest.mark.parametrize("asked", SAMPLE_QUESTIONS, ids=str)
def test_every_cell_of_the_sample_is_what_plain_python_counts(
    cdnow_facts: Facts, cdnow_customers: Customers, asked: Asked
) -> None:
    """The same of the CDNOW sample."""
    _check(answer(cdnow_facts, "journeys", asked), cdnow_customers, asked, "UTC")


def _check(report: Report, plain: Customers, asked: Asked, zone: str) -> None:
    """Moves and the customers that made them, and the customers by status."""
    customers = chosen(plain.values(), asked, zone)
    moves: Counter[tuple[str, str]] = Counter()
    movers: Mapping[tuple[str, str], set[str]] = defaultdict(set)
    out: Counter[str] = Counter()
    for one in customers:
        for spell in one.spells:
            if spell.next_status and spell.ended_at and is_asked(spell.ended_at, asked, zone):
                move = (spell.status, spell.next_status)
                moves[move] += 1
                movers[move].add(one.user_id)
                out[spell.status] += 1
    assert {row[:2]: row[2:] for row in report.table("moves").rows} == {
        move: (len(movers[move]), count, count / out[move[0]], move in ON_PATH, move in BACK)
        for move, count in moves.items()
    }
    assert report.table("now").rows == tuple(
        (
            status,
            sum(one.status == status for one in customers),
            sum((one.ltv_usd for one in customers if one.status == status), Decimal("0.00")),
        )
        for status in CUSTOMER_STATUSES
    )


def test_without_any_event_nobody_moved(database_url: str) -> None:
    """All statuses are there, with nobody."""
    keep_facts(database_url)
    report = view(database_url, "journeys")
    assert report.table("moves").rows == ()
    assert report.table("now").rows == tuple((s, 0, 0) for s in CUSTOMER_STATUSES)


def test_a_customer_that_moves_again_and_again_is_one_customer(database_url: str) -> None:
    """Three churns of two customers; in the time asked for, each counts with its first there."""
    build_facts(
        database_url,
        [
            *_path("ann", "CUSTOMER", "CHURNED", "CUSTOMER", "CHURNED"),
            *_path("bob", "CUSTOMER", "CHURNED"),
        ],
    )
    churned = ("CUSTOMER", "CHURNED")
    row = cells(view(database_url, "journeys"), "moves", "from_status", "to_status")[churned]
    assert (row["customers"], row["moves"]) == (2, 3)
    later = Asked(since=TEN.date() + 2 * DAY)
    row = cells(view(database_url, "journeys", later), "moves", "from_status", "to_status")[churned]
    assert (row["customers"], row["moves"]) == (1, 1)


def test_a_reactivation_is_named(database_url: str) -> None:
    """Whether a move is on the path is as in status_transitions; who is exhausted is not back."""
    build_facts(
        database_url, _path("ann", "CUSTOMER", "CHURNED", "LEAD_EXHAUSTED", "LEAD_QUALIFIED")
    )
    moves = cells(view(database_url, "journeys"), "moves", "from_status", "to_status")
    assert {move: (row["on_path"], row["is_reactivation"]) for move, row in moves.items()} == {
        ("PROSPECT", "CUSTOMER"): (False, False),
        ("CUSTOMER", "CHURNED"): (True, False),
        ("CHURNED", "LEAD_EXHAUSTED"): (False, False),
        ("LEAD_EXHAUSTED", "LEAD_QUALIFIED"): (False, True),
    }


def test_a_late_event_lies_between_two_others(database_url: str) -> None:
    """Two moves, since an older event that arrives later tells what happened in between."""
    first, between, last = _path("ann", "PROSPECT", "LEAD_QUALIFIED", "CUSTOMER")
    build_facts(database_url, [first, last])
    build_facts(database_url, [between])
    moves = view(database_url, "journeys").table("moves").rows
    assert [row[:4] for row in moves] == [
        ("PROSPECT", "LEAD_QUALIFIED", 1, 1),
        ("LEAD_QUALIFIED", "CUSTOMER", 1, 1),
    ]


def test_a_void_decision_is_no_move(database_url: str) -> None:
    """A decision that rests on an event that is not its customer's moves nobody."""
    void = decision(5, user_id="ann", customer_status="CHURNED", rests_on=uuid4())
    build_facts(database_url, [*_path("ann", "PROSPECT"), void])
    assert view(database_url, "journeys").table("moves").rows == ()


def test_a_move_out_of_an_adopted_status_counts(database_url: str) -> None:
    """The status that another system gave is where the first move starts."""
    adopted = uuid4()
    with connect(database_url) as connection:
        connection.execute(
            "INSERT INTO interactions (id, user_id, customer_status) VALUES (%s, 'ann', 'CHURNED')",
            [adopted],
        )
    build_facts(
        database_url,
        [approval(0, interaction_id=adopted, user_id="ann", customer_status="CUSTOMER")],
    )
    assert view(database_url, "journeys").table("moves").rows == (
        ("CHURNED", "CUSTOMER", 1, 1, 1.0, False, True),
    )


@pytest.mark.parametrize(("timezone", "moves"), [("UTC", 1), ("America/New_York", 0)])
def test_dates_are_those_of_the_move_in_the_time_zone(
    database_url: str, timezone: str, moves: int
) -> None:
    """A move at 4:59 on the first in UTC is one of the last evening in New York."""
    at = datetime(2026, 3, 1, 4, 59, 59, tzinfo=UTC)
    event = approval(user_id="ann", occurred_at=at, customer_status="CUSTOMER")
    build_facts(database_url, [event], timezone)
    report = view(database_url, "journeys", Asked(since=date(2026, 3, 1)))
    assert len(report.table("moves").rows) == moves
    assert cells(report, "now", "status")["CUSTOMER"]["customers"] == 1


def _path(user: str, *statuses: str) -> list[AnyEvent]:
    """The events of a customer, one a day, each giving a status."""
    interaction = uuid4()
    return [
        approval(day * 24 * 60, interaction_id=interaction, user_id=user, customer_status=status)
        for day, status in enumerate(statuses)
    ]
