"""The checker itself finds what it should find, and follows the rules of the fold."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from approvals import apply_events

from faults.checker import account
from faults.events import Published, of_publisher, poison, some
from faults.fold import fold
from signoff_db.connection import connect_for_batches
from signoff_schemas import parse_event

INTERACTION = "00000000-0000-0000-0000-000000000001"
EVENTS = [
    *some(45, seed=1),
    *(of_publisher(1, 0, n) for n in (3, 4, 13, 14, 24)),
]


def published(*more: Published) -> dict[str, Published]:
    """What publishers hold receipts for: the events that were applied, and more."""
    return {one.job_id: one for one in (*EVENTS, *more)}


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A database in which these events have been applied."""
    with connect_for_batches(database_url, application="test") as connection:
        apply_events(connection, *(parse_event(one.event or {}) for one in EVENTS))
        yield connection


def a_letter_of(one: Published, database: psycopg.Connection[Any]) -> None:
    """An open dead letter."""
    database.execute(
        "INSERT INTO dead_letters (job_id, kind, message, payload, fingerprint)"
        " VALUES (%s, 'abandoned', '', '', '')",
        [one.job_id],
    )


def test_what_was_applied_is_accounted_for(database: psycopg.Connection[Any]) -> None:
    """Published = applied + dead, and every table is as it has to be."""
    bad = poison("bad")
    a_letter_of(bad, database)
    found = account(published(bad), database)
    assert found.exact, found
    assert (found.published, found.applied, found.dead, found.discarded) == (51, 50, 1, 0)


def test_a_lost_event_is_named(database: psycopg.Connection[Any]) -> None:
    """Published, and in no table."""
    (lost,) = some(1, seed=2)
    found = account(published(lost), database)
    assert (set(found.lost), found.exact) == ({lost.job_id}, False)


def test_an_event_in_two_places_is_named(database: psycopg.Connection[Any]) -> None:
    """In the ledger and in the dead letters; and good events must not be dead."""
    a_letter_of(EVENTS[0], database)
    found = account(published(), database)
    assert (set(found.doubled), found.exact) == ({EVENTS[0].job_id}, False)
    assert found.wrong == (f"{EVENTS[0].job_id} is good, and dead as abandoned",)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("UPDATE interactions SET ltv_usd = ltv_usd + 1 WHERE id = %s", "interaction"),
        (
            "UPDATE interactions SET quality_score = quality_score %% 5 + 1 WHERE id = %s",
            "interaction",
        ),
        ("DELETE FROM interactions WHERE id = %s", "interaction"),
        ("UPDATE customers SET ltv_usd = ltv_usd + 1 WHERE %s::text IS NOT NULL", "customer"),
        ("INSERT INTO customers (user_id) SELECT 'x' || left(%s, 0)", "customer"),
        ("UPDATE status_decisions SET void = NOT void WHERE %s::text IS NOT NULL", "decision"),
    ],
)
def test_a_row_that_differs_is_named(
    database: psycopg.Connection[Any], damage: str, named: str
) -> None:
    """An effect that happened twice, or never, shows in the values."""
    one = (EVENTS[0].event or {})["interaction_id"]
    database.execute(damage.encode(), [one])
    found = account(published(), database)
    assert found.wrong
    assert not found.exact
    assert any(finding.startswith(named) for finding in found.wrong)


def test_an_event_that_nobody_published_is_named(database: psycopg.Connection[Any]) -> None:
    """The tables hold only what was published."""
    known = published()
    known.pop(EVENTS[0].job_id)
    found = account(known, database)
    assert f"{EVENTS[0].job_id} is in the tables; nobody published it" in found.wrong


@pytest.mark.parametrize(
    ("history", "status", "ltv"),
    [
        ([("PROSPECT", None)], "PROSPECT", "0"),
        ([("CUSTOMER", "100"), ("CUSTOMER", "50")], "CUSTOMER", "150"),
        ([("LEAD_QUALIFIED", "30"), ("LEAD_QUALIFIED", "20")], "LEAD_QUALIFIED", "20"),
        ([("CUSTOMER", "100"), ("CHURNED", "40")], "CHURNED", "40"),
        ([("CUSTOMER", "100"), (None, "25")], "CUSTOMER", "125"),
        ([(None, "25")], "PROSPECT", "25"),
        ([("CUSTOMER", "100"), ("CHURNED", "0")], "CHURNED", "0"),
        ([("CUSTOMER", "100"), ("CHURNED", None)], "CHURNED", "100"),
        ([("LEAD_QUALIFIED", "5"), ("CUSTOMER", "100")], "CUSTOMER", "105"),
    ],
)
def test_the_fold_follows_the_rules(
    history: list[tuple[str | None, str | None]], status: str, ltv: str
) -> None:
    """Status after the event decides: CUSTOMER adds, any other status sets; order of arrival no."""
    template = some(1, seed=3)[0].event or {}
    events = [
        {
            **template,
            "event_id": f"00000000-0000-0000-0000-00000000000{minute}",
            "occurred_at": f"2024-01-01T10:0{minute}:00+00:00",
            "interaction_id": INTERACTION,
            "user_id": "ann",
            "customer_status": customer_status,
            "ltv_amount": amount,
        }
        for minute, (customer_status, amount) in enumerate(history)
    ]
    for arrived in (events, events[::-1]):
        interactions, customers, _ = fold(arrived)
        assert interactions[INTERACTION][2:4] == (status, Decimal(ltv))
        assert customers == {"ann": (status, Decimal(ltv))}
