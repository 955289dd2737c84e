"""Several queries read the same moment of the database, although others write meanwhile."""

from collections.abc import Iterator

import psycopg
import pytest
from approvals import apply_events, approval

from signoff_db.audit import audit
from signoff_db.connection import BatchConnection, connect
from signoff_db.reading import overview, snapshot
from signoff_db.sql import statement


@pytest.fixture
def reader(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection as commands use it, besides the one that writes."""
    with connect(database_url) as reader:
        yield reader


def test_a_snapshot_does_not_show_events_that_are_applied_meanwhile(
    connection: BatchConnection, reader: psycopg.Connection
) -> None:
    """Every query inside sees what the first one saw; the next snapshot sees the rest."""
    apply_events(connection, approval())

    with snapshot(reader):
        before = overview(reader)
        apply_events(connection, approval(1))
        assert overview(reader) == before
    with snapshot(reader):
        assert overview(reader).applied == 2


def test_nothing_is_written_inside_a_snapshot(reader: psycopg.Connection) -> None:
    """A command that only reads cannot change anything by mistake."""
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), snapshot(reader):
        reader.execute("INSERT INTO customers (user_id) VALUES ('u')")


def test_an_audit_compares_one_moment(
    connection: BatchConnection, reader: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change between two of its queries is left to the next audit: totals and findings agree."""
    apply_events(connection, approval(ltv_amount="5"))

    def changed_before_it_compares(name: str) -> str:
        if name == "audit":
            apply_events(connection, approval(1))
            connection.execute("UPDATE interactions SET ltv_usd = 7")
        return statement(name)

    monkeypatch.setattr("signoff_db.audit.statement", changed_before_it_compares)
    report = audit(reader)
    monkeypatch.undo()

    assert (report.totals.events, report.differing) == (1, 0)
    assert audit(reader).differing > 0
