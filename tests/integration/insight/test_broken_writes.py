"""A write of facts that Postgres refuses: the reason is told, and nothing of the turn stays."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import psycopg
import pytest
from approvals import TEN, apply_events, approval
from fact_tables import tables_from, tables_of
from insight import build_facts
from plain_insight import plain_facts

from signoff_db.connection import BatchConnection
from signoff_db.feed_reader import Turn
from signoff_insight.facts.reader import FactsReader

REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the disk of % is full', TG_TABLE_NAME USING ERRCODE = 'disk_full';
END
$$
"""
STATUSES = ("PROSPECT", "LEAD_QUALIFIED", "CUSTOMER")


@pytest.fixture
def reader(database_url: str) -> Iterator[FactsReader]:
    """Keeps the facts, on one connection."""
    with closing(FactsReader(database_url, "UTC")) as reader:
        yield reader


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("table", ["facts", "purchases", "spells", "exposures"])
def test_the_reason_is_that_of_the_first_statement_that_failed(
    connection: BatchConnection,
    reader: FactsReader,
    database_url: str,
    table: str,
    *,
    is_late: bool,
) -> None:
    """Not that of those after it; and on the same connection all is written later."""
    day = -1 if is_late else 1
    events = [
        approval(
            occurred_at=TEN + timedelta(hours=n),
            user_id=user,
            customer_status=status,
            ltv_amount="5" if status == "CUSTOMER" else None,
        )
        for user in ("ann", "bob")
        for n, status in enumerate(STATUSES[:2])
    ]
    new = [
        approval(
            occurred_at=TEN + timedelta(hours=day * hours),
            user_id=user,
            customer_status="CUSTOMER",
            ltv_amount="5",
        )
        for user in ("ann", "bob")
        for hours in (3, 4)
    ]
    build_facts(database_url, events)
    while reader.turn() is not Turn.CAUGHT_UP:
        pass
    before = tables_of(connection)
    connection.execute(REFUSE)
    connection.execute(
        f"CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON customer_{table}"
        " FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    apply_events(connection, *new)
    for _ in range(2):
        with pytest.raises(psycopg.errors.DiskFull, match=f"the disk of customer_{table} is full"):
            reader.turn()
        assert tables_of(connection) == before
    connection.execute("DROP FUNCTION refuse CASCADE")
    while reader.turn() is not Turn.CAUGHT_UP:
        pass
    assert tables_of(connection) == tables_from(plain_facts([*events, *new]))
