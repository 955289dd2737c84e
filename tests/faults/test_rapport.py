"""The check of the contexts finds what it should find."""

from collections.abc import Iterator

import pytest
from approvals import apply_events
from psycopg import Connection
from psycopg.rows import TupleRow
from rapport import keep_contexts

from faults.events import some
from faults.rapport import differences
from signoff_db.connection import connect, connect_for_batches
from signoff_insight.rapport.create import create
from signoff_schemas import Settings, parse_event


@pytest.fixture
def second(database_url: str, empty_database_url: str) -> Iterator[Connection[TupleRow]]:
    """The second database of a ledger, with the contexts that their reader keeps."""
    with connect_for_batches(database_url, application="test") as batches:
        apply_events(batches, *(parse_event(one.event or {}) for one in some(50, seed=1)))
    url = Settings.load(rapport_url=empty_database_url).rapport
    create(url)
    keep_contexts(database_url, url)
    with connect(url) as connection:
        yield connection


@pytest.fixture
def ledger(database_url: str) -> Iterator[Connection[TupleRow]]:
    """The ledger."""
    with connect(database_url) as connection:
        yield connection


def test_contexts_that_are_kept_from_the_feed_are_those_of_a_rebuild(
    ledger: Connection[TupleRow], second: Connection[TupleRow]
) -> None:
    """Byte for byte."""
    assert list(differences(ledger, second)) == []


@pytest.mark.parametrize(
    "damage",
    [
        'UPDATE contexts SET context = context || \'{"ltv_usd": "9.00"}\'',
        "DELETE FROM contexts",
        "INSERT INTO contexts (user_id, context) VALUES ('nobody', '{}')",
    ],
)
def test_a_context_that_differs_is_named(
    ledger: Connection[TupleRow], second: Connection[TupleRow], damage: str
) -> None:
    """What is kept, and what a rebuild gives."""
    second.execute(damage.encode())
    found = list(differences(ledger, second))
    assert "contexts were kept; a rebuild gives" in found[0]
    assert found[1].startswith("the context of ")
