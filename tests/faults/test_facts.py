"""The check of the facts finds what it should find."""

from collections.abc import Iterator

import pytest
from approvals import apply_events
from psycopg import Connection
from psycopg.rows import TupleRow

from faults.events import some
from faults.facts import TIMEZONE, differences
from signoff_db.connection import connect, connect_for_batches
from signoff_db.feed_reader import Turn
from signoff_insight.facts.reader import FactsReader
from signoff_schemas import parse_event


@pytest.fixture
def ledger(database_url: str) -> Iterator[Connection[TupleRow]]:
    """A ledger, with the facts that their reader keeps."""
    with connect_for_batches(database_url, application="test") as batches:
        apply_events(batches, *(parse_event(one.event or {}) for one in some(50, seed=1)))
    reader = FactsReader(database_url, TIMEZONE)
    while reader.turn() is not Turn.CAUGHT_UP:
        """Read on."""
    reader.close()
    with connect(database_url) as connection:
        yield connection


def test_facts_that_are_kept_from_the_feed_are_those_of_a_rebuild(
    ledger: Connection[TupleRow],
) -> None:
    """Looking changes nothing."""
    assert list(differences(ledger)) == []
    assert list(differences(ledger)) == []


@pytest.mark.parametrize(
    ("damage", "table"),
    [
        ("UPDATE customer_facts SET ltv_usd = ltv_usd + 1", "facts"),
        ("DELETE FROM customer_purchases", "purchases"),
        ("UPDATE customer_spells SET began_at = began_at - interval '1 second'", "spells"),
        ("UPDATE exposure_cells SET tags = 1 - tags", "exposures"),
        ("UPDATE exposure_reviewers SET reviewer_id = reviewer_id || 'x'", "exposures"),
    ],
)
def test_a_row_that_differs_is_named(ledger: Connection[TupleRow], damage: str, table: str) -> None:
    """What is kept, and what a rebuild gives."""
    ledger.execute(damage.encode())
    found = list(differences(ledger))
    assert f" rows of {table} were kept" in found[0]
    assert any(f"the {table} lack a row that a rebuild gives" in finding for finding in found)
